/** Floats are shown with the digits they have. */
import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { descriptors } from '../../chassis/descriptors.js';
import { shorten, shortenFloats } from '../../gateway/float.js';

describe('a float32', () => {
  it('is shown as the decimal it was made from', () => {
    for (const value of [0.9, 0.75, -0.1, 123.456, 0, 1e-5, 3]) assert.equal(shorten(Math.fround(value)), value);
  });

  it('stays the same float32, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.float(),
        (value) =>
          Object.is(Math.fround(shorten(value)), value) || (value === 0 && shorten(value) === 0) || Number.isNaN(value),
      ),
    );
  });

  it('is shortened wherever a message holds one, and nothing else is changed', () => {
    const desc = descriptors().getMessage('plexus.v1.SummarizeRequest');
    assert.ok(desc);
    const message = create(desc, {
      texts: ['x'],
      length: { unit: { case: 'share', value: 0.3 } },
      generation: { temperature: 0.7, topK: 5 },
    });
    const read = fromBinary(desc, toBinary(desc, message));
    shortenFloats(desc, read);
    assert.deepEqual(read, message);
  });
});
