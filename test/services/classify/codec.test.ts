/** The hand-written codec writes the bytes that protobufjs writes. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { definition } from '../../../protos/index.js';
import { serializeClassifyResponse } from '../../../services/classify/codec.js';

const { Classify, ClassifyPairs, ZeroShot } = definition('plexus.v1.Classify');

const uint = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const label = fc.record({
  label: fc.string({ unit: 'grapheme', maxLength: 40 }),
  score: fc.float({ noNaN: true }),
});
const classification = fc.record(
  { labels: fc.array(label, { maxLength: 8 }), tokens: uint, truncated: fc.boolean() },
  { requiredKeys: ['labels'] },
);
const response = fc.record(
  {
    model: fc.record({ name: fc.string(), version: fc.string(), digest: fc.string(), instance: fc.string() }),
    usage: fc.record({ texts: uint, inputTokens: uint, outputTokens: uint }),
    timings: fc.record({ tokenizeMs: fc.double({ noNaN: true }), batchSize: uint }),
    classifications: fc.array(classification, { maxLength: 6 }),
  },
  { requiredKeys: ['classifications'] },
);

describe('the classify codec', () => {
  it('writes the bytes that protobufjs writes, for all three responses', () => {
    fc.assert(
      fc.property(response, (each) => {
        const byHand = serializeClassifyResponse(each);
        for (const { responseSerialize } of [Classify, ClassifyPairs, ZeroShot]) {
          assert.deepEqual(byHand, responseSerialize(each));
        }
      }),
      { numRuns: 200 },
    );
  });
});
