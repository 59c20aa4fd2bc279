import assert from 'node:assert/strict';
import fc from 'fast-check';
import { normalize, POOLINGS, pool, pooledWidth } from '../../inference/pooling.js';
import { type Pooling, type PoolingMode, poolingModes } from '../../models/index.js';

/** As the definitions say it, on plain lists: the vectors of the modes one after the other. */
function reference(pooling: Pooling, rows: readonly number[][], width: number, skip: number): number[] {
  return poolingModes(pooling).flatMap((mode) => referenceOne(mode, rows, width, skip));
}

function referenceOne(pooling: PoolingMode, all: readonly number[][], width: number, skip: number): number[] {
  const rows = all.slice(skip);
  if (rows.length === 0) return new Array(width).fill(0);
  if (pooling === 'cls') return rows[0] as number[];
  if (pooling === 'last') return rows[rows.length - 1] as number[];
  const columns = Array.from({ length: width }, (_, column) => rows.map((row) => row[column] as number));
  if (pooling === 'max') return columns.map((column) => Math.max(...column));
  const weigh = (row: number): number => (pooling === 'weightedmean' ? row + skip + 1 : 1);
  const weights = rows.reduce((sum, _, row) => sum + weigh(row), 0);
  const by = pooling === 'mean_sqrt_len' ? Math.sqrt(weights) : weights;
  return columns.map((column) => Math.fround(column.reduce((sum, value, row) => sum + value * weigh(row), 0) / by));
}

const float = fc.float({ noNaN: true, min: -100, max: 100 });

describe('pooling', () => {
  it('equals the definition for every pooling, length, padding and number of dimensions kept', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }).chain((width) =>
          fc.record({
            width: fc.constant(width),
            rows: fc.array(fc.array(float, { minLength: width, maxLength: width }), { maxLength: 8 }),
            padding: fc.integer({ min: 0, max: 3 }),
            part: fc.double({ min: 0.01, max: 1, noNaN: true }),
            skip: fc.integer({ min: 0, max: 3 }),
            pooling: fc
              .uniqueArray(fc.constantFrom(...POOLINGS), { minLength: 1, maxLength: 3 })
              .map((modes) => modes.join('+') as Pooling),
          }),
        ),
        ({ width, rows, padding, part, skip, pooling }) => {
          const keep = Math.ceil(part * pooledWidth(pooling, width));
          const before = new Array<number>(width).fill(7); // another row's vectors
          const hidden = Float32Array.from([...before, ...rows.flat(), ...new Array(padding * width).fill(999)]);
          const into = new Float32Array(keep + 2).fill(-1);
          pool(pooling, { hidden, from: width, length: rows.length, width, skip }, into, 1, keep);
          assert.deepEqual([...into.subarray(1, keep + 1)], reference(pooling, rows, width, skip).slice(0, keep));
          assert.deepEqual([into[0], into[keep + 1]], [-1, -1]);
        },
      ),
    );
  });

  it('scales to length 1 and leaves zeros alone', () => {
    const vector = Float32Array.of(3, 0, 4);
    normalize(vector);
    assert.deepEqual(
      [...vector].map((value) => Math.round(value * 1e6) / 1e6),
      [0.6, 0, 0.8],
    );
    const zeros = new Float32Array(4);
    normalize(zeros);
    assert.deepEqual([...zeros], [0, 0, 0, 0]);
  });
});
