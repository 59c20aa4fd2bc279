/** The hand-written codec writes what protobufjs writes. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { InferResponse } from '../../../protos/gen/plexus/v1/InferResponse.js';
import { definition } from '../../../protos/index.js';
import { TYPES } from '../../../services/infer/check.js';
import { inferCodecs, serializeInferResponse } from '../../../services/infer/codec.js';

const methods = definition('plexus.v1.Infer');

const tensor = fc.record(
  {
    name: fc.string(),
    type: fc.constantFrom(...(Object.keys(TYPES) as (keyof typeof TYPES)[])),
    shape: fc.array(fc.nat({ max: 2 ** 31 - 1 }), { maxLength: 16 }),
    data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    values: fc.array(fc.double(), { maxLength: 20 }),
    strings: fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 }),
  },
  { requiredKeys: ['name', 'type', 'shape'] },
);
const response = fc.record({
  model: fc.record({ name: fc.string(), version: fc.string(), digest: fc.string(), instance: fc.string() }),
  usage: fc.record({ texts: fc.nat(), inputTokens: fc.nat(), outputTokens: fc.constant(0) }),
  timings: fc.record({
    tokenizeMs: fc.constant(0),
    queueMs: fc.double({ noNaN: true }),
    batchMs: fc.double({ noNaN: true }),
    computeMs: fc.double({ noNaN: true }),
    totalMs: fc.double({ noNaN: true }),
    batchSize: fc.nat(),
  }),
  outputs: fc.array(tensor, { maxLength: 4 }),
});

describe('the codec of Infer', () => {
  it('writes the bytes that protobufjs writes', () => {
    fc.assert(
      fc.property(response, (message: InferResponse) => {
        assert.deepEqual(serializeInferResponse(message), methods.Infer.responseSerialize(message));
      }),
    );
  });

  it('writes answers and problems of a stream', () => {
    const serialize = inferCodecs.InferStream?.responseSerialize as (message: object) => Buffer;
    const problem = {
      id: 'b',
      problem: { code: 'FIELD_INVALID', message: 'no', field: 'inputs[0]', retryable: false },
    };
    assert.deepEqual(serialize(problem), methods.InferStream.responseSerialize(problem));
    fc.assert(
      fc.property(fc.string(), response, (id, message: InferResponse) => {
        const whole = { id, response: message };
        assert.deepEqual(serialize(whole), methods.InferStream.responseSerialize(whole));
      }),
      { numRuns: 30 },
    );
  });
});
