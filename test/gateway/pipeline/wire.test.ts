/** Reading and moving fields as bytes gives what decoding and encoding would. */
import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { descriptors } from '../../../chassis/descriptors.js';
import { lastField, retag, wireFields } from '../../../gateway/pipeline/wire.js';

function message(name: string) {
  const found = descriptors().getMessage(name);
  assert.ok(found);
  return found;
}

describe('wire fields', () => {
  const counts = message('plexus.v1.DecodeResponse');
  const request = message('plexus.v1.EmbedRequest');

  it('moves a field to another number, whatever it holds', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.string(), (texts, name) => {
        const bytes = toBinary(counts, create(counts, { texts, model: { name }, usage: { texts: 3 } }));
        const from = counts.fields.find((field) => field.name === 'texts')?.number ?? 0;
        const moved = fromBinary(request, Buffer.concat(retag(bytes, from, 2))) as unknown as { texts: string[] };
        assert.deepEqual(moved.texts, texts);
        const model = lastField(bytes, 1);
        assert.ok(model);
        assert.equal((fromBinary(message('plexus.v1.ServedModel'), model) as unknown as { name: string }).name, name);
      }),
    );
  });

  it('ends on any bytes, with fields inside them or a RangeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          for (const { start, end } of wireFields(bytes)) assert.ok(start <= end && end <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof RangeError);
        }
      }),
    );
  });

  it('reads every kind of field by its length', () => {
    const problem = message('plexus.v1.Timings');
    const bytes = toBinary(problem, create(problem, { tokenizeMs: 1.5, batchSize: 300 }));
    assert.deepEqual(
      [...wireFields(bytes)].map(({ number, type }) => [number, type]),
      [
        [1, 1],
        [6, 0],
      ],
    );
    assert.equal(lastField(bytes, 9), undefined);
  });
});
