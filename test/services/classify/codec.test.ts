/** The hand-written codec writes the bytes that protobufjs writes. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { definition } from '../../../protos/index.js';
import { classificationPieces, serializePieces } from '../../../services/classify/codec.js';
import { rank } from '../../../services/classify/labels.js';

const { Classify, ClassifyPairs, ZeroShot } = definition('plexus.v1.Classify');

const uint = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const scored = fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 8 }).chain((labels) =>
  fc.record({
    labels: fc.constant(labels),
    rows: fc.array(
      fc.record({
        scores: fc.float32Array({ minLength: labels.length, maxLength: labels.length, noNaN: true }),
        tokens: uint,
        truncated: fc.boolean(),
      }),
      { maxLength: 6 },
    ),
  }),
);
const head = fc.record(
  {
    model: fc.record({ name: fc.string(), version: fc.string(), digest: fc.string(), instance: fc.string() }),
    usage: fc.record({ texts: uint, inputTokens: uint, outputTokens: uint }),
    timings: fc.record({ tokenizeMs: fc.double({ noNaN: true }), batchSize: uint }),
  },
  { requiredKeys: [] },
);
const options = fc.record({ topK: fc.nat(4), threshold: fc.constantFrom(Number.NEGATIVE_INFINITY, 0, 0.5) });

describe('the classify codec', () => {
  it('writes the bytes that protobufjs writes, for all three responses', () => {
    fc.assert(
      fc.property(head, scored, options, (first, { labels, rows }, asked) => {
        const columns = {
          scores: rows.map(({ scores }) => scores),
          tokens: rows.map(({ tokens }) => tokens),
          truncated: rows.map(({ truncated }) => truncated),
        };
        const byHand = serializePieces({
          ...first,
          classifications: [...classificationPieces(labels, columns, asked)],
        });
        const classifications = rows.map(({ scores, tokens, truncated }) => ({
          labels: rank(scores, asked).map((label) => ({
            label: labels[label] as string,
            score: scores[label] as number,
          })),
          tokens,
          truncated,
        }));
        for (const { responseSerialize } of [Classify, ClassifyPairs, ZeroShot]) {
          assert.deepEqual(byHand, responseSerialize({ ...first, classifications }));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('writes one text a step', () => {
    let read = 0;
    const scores = Array.from({ length: 3 }, () => ({
      length: 1,
      get 0() {
        read++;
        return 0.5;
      },
    }));
    const rows = { scores, tokens: [1, 1, 1], truncated: [false, false, false] };
    const pieces = classificationPieces(['a'], rows, { topK: 0, threshold: 0 });
    pieces.next();
    const once = read;
    pieces.next();
    assert.deepEqual([once > 0, read], [true, 2 * once]);
  });
});
