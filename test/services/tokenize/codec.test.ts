/** The hand-written codec writes the bytes that protobufjs writes. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { PackedEncoding } from '../../../inference/index.js';
import type { Encoding } from '../../../protos/gen/plexus/v1/Encoding.js';
import { definition } from '../../../protos/index.js';
import { encodingPieces, serializeEncodeResponse } from '../../../services/tokenize/codec.js';

const { Encode } = definition('plexus.v1.Tokenize');

interface Token {
  text: string;
  id: number;
  typeId: number;
  spans: number[];
  special: boolean;
  word: number;
  sequence: number;
}

const uint = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 31 - 1 }));
const token: fc.Arbitrary<Token> = fc.record({
  text: fc.string({ unit: 'grapheme', maxLength: 12 }),
  id: uint,
  typeId: fc.nat(1),
  spans: fc.array(uint, { minLength: 4, maxLength: 4 }),
  special: fc.boolean(),
  word: fc.integer({ min: -1, max: 300_000 }),
  sequence: fc.integer({ min: -1, max: 1 }),
});

const span = (tokens: readonly Token[], at: number): number[] => tokens.map(({ spans }) => spans[at] as number);

function packed(tokens: readonly Token[], overflowing: readonly Token[][] = []): PackedEncoding {
  const texts = tokens.map(({ text }) => Buffer.from(text));
  return {
    ids: Int32Array.from(tokens, ({ id }) => id),
    typeIds: Uint8Array.from(tokens, ({ typeId }) => typeId),
    utf16Start: Uint32Array.from(span(tokens, 0)),
    utf16End: Uint32Array.from(span(tokens, 1)),
    byteStart: Uint32Array.from(span(tokens, 2)),
    byteEnd: Uint32Array.from(span(tokens, 3)),
    specialTokensMask: Uint8Array.from(tokens, ({ special }) => Number(special)),
    wordIds: Int32Array.from(tokens, ({ word }) => word),
    sequenceIds: Int8Array.from(tokens, ({ sequence }) => sequence),
    tokenBytes: Buffer.concat(texts),
    tokenLengths: Uint32Array.from(texts, ({ length }) => length),
    overflowing: overflowing.map((piece) => packed(piece)),
  };
}

function message(tokens: readonly Token[], overflowing: readonly Token[][] = []): Encoding {
  return {
    ids: tokens.map(({ id }) => id),
    tokens: tokens.map(({ text }) => text),
    typeIds: tokens.map(({ typeId }) => typeId),
    utf16Start: span(tokens, 0),
    utf16End: span(tokens, 1),
    byteStart: span(tokens, 2),
    byteEnd: span(tokens, 3),
    specialTokensMask: tokens.map(({ special }) => special),
    wordIds: tokens.map(({ word }) => word),
    sequenceIds: tokens.map(({ sequence }) => sequence),
    overflowing: overflowing.map((piece) => message(piece)),
  };
}

describe('the tokenize codec', () => {
  it('writes the bytes that protobufjs writes, for every encoding', () => {
    const tokens = fc.array(token, { maxLength: 30 });
    const encodings = fc.array(fc.tuple(tokens, fc.array(tokens, { maxLength: 3 })), { maxLength: 4 });
    fc.assert(
      fc.property(encodings, (all) => {
        const head = {
          model: { name: 'wörd', version: '1' },
          usage: { texts: 3 },
          timings: { tokenizeMs: 0.5, batchSize: 0 },
        };
        const byHand = serializeEncodeResponse({
          ...head,
          encodings: all.map(([own, over]) => [...encodingPieces(packed(own, over))]),
        });
        const expected = Encode.responseSerialize({ ...head, encodings: all.map(([own, over]) => message(own, over)) });
        assert.deepEqual(byHand, expected);
      }),
      { numRuns: 200 },
    );
  });
});
