import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ELEMENT_BYTES } from '../../../inference/index.js';
import { fromHalf, halfOf, type NumberType, toBytes, toNumbers } from '../../../services/infer/numbers.js';

describe('numbers of tensors', () => {
  it('come back from every type that holds them', () => {
    const types = (Object.keys(ELEMENT_BYTES) as NumberType[]).filter((type) => (type as string) !== 'string');
    for (const type of types) {
      const values = type === 'bool' ? [0, 1] : [0, 1, 2, 100];
      const bytes = toBytes(type, values, 'v');
      assert.equal(bytes.length, values.length * ELEMENT_BYTES[type]);
      assert.deepEqual(toNumbers(type, Buffer.concat([Buffer.from('x'), bytes]).subarray(1)), values, type);
    }
    assert.deepEqual(toNumbers('int64', toBytes('int64', [-(2 ** 53) + 1, 2 ** 53 - 1], 'v')), [
      -(2 ** 53) + 1,
      2 ** 53 - 1,
    ]);
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
    for (const type of ['float16', 'float32', 'float64'] as const)
      assert.deepEqual(toNumbers(type, toBytes(type, odd, 'v')), odd);
  });

  const bad: [NumberType, number][] = [
    ['uint8', 256],
    ['uint8', -1],
    ['int8', 128],
    ['bool', 2],
    ['int32', 1.5],
    ['int64', 2 ** 53],
    ['uint64', -1],
    ['uint16', Number.NaN],
    ['int16', Number.POSITIVE_INFINITY],
  ];
  for (const [type, value] of bad) {
    it(`are refused where ${type} cannot hold them: ${value}`, () => {
      assert.throws(() => toBytes(type, [0, value], 'inputs[0].values'), {
        code: 'FIELD_INVALID',
        message: /^inputs\[0\]\.values\[1\]: /,
      });
    });
  }

  it('every half is itself again', () => {
    for (let half = 0; half < 0x10000; half++) {
      const value = fromHalf(half);
      if (Number.isNaN(value)) assert.ok(Number.isNaN(fromHalf(halfOf(value))));
      else assert.equal(halfOf(value), half);
    }
  });

  it('become the nearest half, ties to even', () => {
    const finite = Array.from({ length: 0x7c00 }, (_, half) => fromHalf(half));
    fc.assert(
      fc.property(fc.double({ min: 0, max: 65_519.99, noNaN: true }), (value) => {
        const given = fromHalf(halfOf(value));
        let at = halfOf(value);
        const apart = Math.abs(given - value);
        for (const other of [at - 1, at + 1]) {
          const neighbour = finite[other];
          if (neighbour === undefined) continue;
          const further = Math.abs(neighbour - value);
          assert.ok(
            apart < further || (apart === further && at % 2 === 0),
            `${value} became ${given}, ${neighbour} is nearer`,
          );
        }
        at = halfOf(-value);
        assert.equal(fromHalf(at), -given);
      }),
      { numRuns: 2_000 },
    );
    assert.deepEqual(
      [65_519.99, 65_520, 1e9].map((value) => fromHalf(halfOf(value))),
      [65_504, Infinity, Infinity],
    );
  });
});
