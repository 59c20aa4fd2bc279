/** The hand-written codec writes the bytes that protobufjs writes. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EmbedResponse } from '../../../protos/gen/plexus/v1/EmbedResponse.js';
import { definition } from '../../../protos/index.js';
import { embedCodecs, serializeEmbedResponse } from '../../../services/embed/codec.js';

const { Embed, EmbedStream } = definition('plexus.v1.Embed');

/** As protobufjs wants it: plain lists of numbers. */
function plain(response: EmbedResponse): EmbedResponse {
  return {
    ...response,
    embeddings: (response.embeddings ?? []).map((each) => ({
      ...each,
      ...(each.values && { values: [...each.values] }),
    })),
  };
}

const uint = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const ms = fc.double({ noNaN: true });
const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const common = { tokens: uint, truncated: fc.boolean() };
const embedding = fc.oneof(
  fc.record({ values: fc.float32Array({ maxLength: 400 }).map((values) => values as unknown as number[]), ...common }),
  fc.record({ base64: text, ...common }),
  fc.record({ int8: bytes, scale: fc.float({ noNaN: true }), ...common }),
  fc.record({ binary: bytes, ...common }),
);
const response: fc.Arbitrary<EmbedResponse> = fc.record(
  {
    model: fc.record({ name: text, version: text, digest: text, instance: text }),
    usage: fc.record({ texts: uint, inputTokens: uint, outputTokens: uint }),
    timings: fc.record({ tokenizeMs: ms, queueMs: ms, batchMs: ms, computeMs: ms, totalMs: ms, batchSize: uint }),
    embeddings: fc.array(embedding, { maxLength: 5 }),
    dimensions: uint,
  },
  { requiredKeys: ['embeddings'] },
);

describe('the embed codec', () => {
  it('writes the bytes that protobufjs writes, for every response', () => {
    fc.assert(
      fc.property(response, (each) => {
        assert.deepEqual(serializeEmbedResponse(each), Embed.responseSerialize(plain(each)));
      }),
      { numRuns: 300 },
    );
  });

  it('writes the bytes that protobufjs writes, for every answer on a stream', () => {
    const serialize = embedCodecs.EmbedStream?.responseSerialize as (value: unknown) => Buffer;
    fc.assert(
      fc.property(text, response, (id, each) => {
        assert.deepEqual(
          serialize({ id, response: each }),
          EmbedStream.responseSerialize({ id, response: plain(each) }),
        );
      }),
    );
    const problem = { id: 'x', problem: { code: 'TEXT_TOO_LONG', message: 'm', field: 'texts[0]', retryable: false } };
    assert.deepEqual(serialize(problem), EmbedStream.responseSerialize(problem));
  });

  it('copies a vector that is a view of a larger batch', () => {
    const batch = Float32Array.from({ length: 30 }, (_, index) => index / 7);
    const each = {
      embeddings: [{ values: batch.subarray(11, 19) as unknown as number[], tokens: 3, truncated: false }],
    };
    const decoded = Embed.responseDeserialize(serializeEmbedResponse(each));
    assert.deepEqual(decoded.embeddings[0]?.values, [...batch.subarray(11, 19)]);
  });
});
