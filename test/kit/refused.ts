/** What a bad request must be answered with: a stable code, the right status, the field, and nothing of this machine. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { type ErrorCode, MeshError } from '../../chassis/errors.js';
import { packageRoot } from '../../protos/index.js';

export interface Refusal {
  /** What is wrong, as a fact: "an empty list". */
  what: string;
  call: () => Promise<unknown>;
  code: ErrorCode;
  /** Path of the field, where one is at fault. */
  field?: string;
  /** The message says what is allowed or what to do. */
  says?: RegExp;
}

/** Declares one test for each row. */
export function refuses(rows: () => readonly Refusal[]): void {
  for (const [index, { what }] of rows().entries()) {
    it(`refuses ${what}`, async () => {
      const { call, code, field, says } = rows()[index] as Refusal;
      await assert.rejects(call(), (error: unknown) => {
        assert.ok(error instanceof MeshError, String(error));
        assert.equal(error.code, code, error.message);
        if (field !== undefined) {
          assert.equal(error.violations[0]?.field, field);
          assert.ok(error.message.startsWith(`${field}: `), error.message);
        }
        if (says) assert.match(error.message, says);
        assert.ok(!error.message.includes(dirname(packageRoot)), `a path leaked: ${error.message}`);
        assert.doesNotMatch(error.message, /\bat \S+ \(|\.js:\d/, 'a stack leaked');
        return true;
      });
    });
  }
}
