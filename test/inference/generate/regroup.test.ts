/** Rows regrouped within a cache's memory hold what they hold in a cache made anew, whatever came before. */
import assert from 'node:assert/strict';
import { Tensor } from 'onnxruntime-node';
import {
  assemble,
  type Cache,
  type CacheSpec,
  dims,
  makeRoom,
  newCache,
  numbers,
  places,
  type RowOf,
  tookPlace,
  wipe,
} from '../../../inference/generate/cache.js';
import { createRandom } from '../../../inference/generate/random.js';
import { regroup } from '../../../inference/generate/regroup.js';
import { spec } from './arithmetic.js';

const SEED = Number(process.env.SEED ?? 20261128);

/** The decoder's own part, in places. */
const own = (type: CacheSpec['type'], outer: number, inner: number): CacheSpec =>
  spec('own', { type, outer, inner, inPlaces: true });

let stamp = 0;

/** A cache whose every number is one of its own. */
function filled(specs: readonly CacheSpec[], sources: readonly number[], length: number): Cache {
  const source = Math.max(...sources);
  const cache = newCache(specs, {
    rows: sources.length,
    length: Math.max(1, length),
    lengths: sources.map(() => length),
    source,
    sources: [...sources],
  });
  cache.tensors = specs.map((each) => {
    const tokens = each.part === 'own' ? cache.length : source;
    const data = numbers(each, sources.length * each.outer * tokens * each.inner);
    for (let at = 0; at < data.length; at++) data[at] = ++stamp % 60_000;
    return new Tensor(each.type, data, dims(each, sources.length, tokens));
  });
  return cache;
}

/** What a row holds: its own tokens and its source, in order, tensor by tensor. */
function held({ cache, row }: RowOf): number[][] {
  const { rows, begin, length, lengths, sources, source } = cache;
  return cache.specs.map(({ part, outer, inner }, index) => {
    const data = new Uint32Array(Array.from((cache.tensors[index] as Tensor).data as Float32Array));
    const found: number[] = [];
    if (part === 'own') {
      const block = outer * inner;
      for (let place = begin + length - (lengths[row] as number); place < begin + length; place++)
        found.push(...data.subarray((place * rows + row) * block, (place * rows + row + 1) * block));
    } else {
      for (let each = 0; each < outer; each++) {
        const start = (row * outer + each) * source * inner;
        found.push(...data.subarray(start, start + (sources[row] as number) * inner));
      }
    }
    return found;
  });
}

/** As a step: a number of its own for each row. */
function step(cache: Cache): void {
  makeRoom(cache);
  for (const [index, { part }] of cache.specs.entries()) {
    if (part !== 'own') continue;
    const next = places(cache, index).next.data as Float32Array;
    for (let at = 0; at < next.length; at++) next[at] = ++stamp % 60_000;
  }
  tookPlace(cache);
}

describe('rows of a cache, regrouped in place', () => {
  for (const type of ['float32', 'float16'] as const) {
    it(`hold what they hold in a new cache, whoever comes and goes (${type}, seed ${SEED})`, () => {
      const specs = [own(type, 2, 3), spec('source', { type, inner: 2 }), own(type, 1, 4)];
      const counts = { inPlace: 0, closedUp: 0, widened: 0, older: 0, anew: 0 };
      for (let run = 0; run < 15; run++) {
        const random = createRandom(SEED, run);
        const below = (limit: number): number => Math.floor(random.next() * limit);
        let cache = assemble([{ cache: filled(specs, [20], 3), row: 0 }], undefined, below(5));
        for (let turn = 0; turn < 40; turn++) {
          for (let steps = below(20); steps > 0; steps--) step(cache);
          const stays = Array.from({ length: cache.rows }, (_, row) => row).filter(() => random.next() < 0.7);
          const comes = Array.from({ length: stays.length === 0 ? 1 : below(4) }, (): RowOf => {
            const length = below(4) === 0 ? cache.length + below(3) : below(9);
            return { cache: filled(specs, [8 + below(26), 8 + below(26)], length), row: below(2) };
          });
          // Who stands behind the last place there will be takes a free one.
          const count = stays.length + comes.length;
          const rows = new Array<RowOf | undefined>(count).fill(undefined);
          for (const row of stays) if (row < count) rows[row] = { cache, row };
          const others = [...stays.filter((row) => row >= count).map((row) => ({ cache, row })), ...comes];
          const order = Array.from(rows, (row) => row ?? (others.shift() as RowOf));

          const wanted = order.map(held);
          const fresh = assemble(order);
          const [before, age] = [cache.rows, cache.length];
          if (regroup(cache, order)) {
            counts.inPlace++;
            if (count < before) counts.closedUp++;
            if (count > before) counts.widened++;
            if (cache.length > age) counts.older++;
          } else {
            counts.anew++;
            cache = fresh;
          }
          assert.equal(cache.rows, count);
          assert.deepEqual(cache.lengths, fresh.lengths);
          assert.deepEqual(cache.sources, fresh.sources);
          const found = order.map((_row, row) => held({ cache, row }));
          assert.deepEqual(found, wanted, `run ${run}, turn ${turn}`);
        }
      }
      for (const [what, times] of Object.entries(counts)) assert.ok(times > 20, `${what}: only ${times} times`);
    });
  }

  it('leave a cache as it was where they do not fit it', () => {
    const specs = [own('float32', 1, 1), spec('source', { outer: 1 })];
    const cache = assemble([0, 1].map((row) => ({ cache: filled(specs, [100, 100], 4), row })));
    const row = (at: number): RowOf => ({ cache, row: at });
    const before = [held(row(0)), held(row(1))];
    const longer = { cache: filled(specs, [140], 1), row: 0 };
    const third = { cache: filled(specs, [3], 1), row: 0 };
    assert.equal(regroup(cache, [row(0), row(1), third]), false, 'there is memory for two sources');
    assert.equal(regroup(cache, [row(0), longer]), false, 'a source is longer than all');
    assert.equal(regroup(cache, [third]), false, 'a source is much shorter than all');
    assert.deepEqual([held(row(0)), held(row(1))], before);
    assert.equal(regroup(cache, [row(1)]), true);
    assert.deepEqual(held(row(0)), before[1]);
  });

  it('are wiped in all their places, and no others', () => {
    const specs = [own('float32', 2, 3), spec('source', { inner: 2 })];
    const filledIn = filled(specs, [6, 9, 4], 5);
    const cache = assemble([0, 1, 2].map((row) => ({ cache: filledIn, row })));
    for (const { data } of cache.tensors) (data as Float32Array).fill(Number.NaN);
    wipe(cache, 1);
    for (const [index, { part, outer, inner }] of specs.entries()) {
      const data = (cache.tensors[index] as Tensor).data as Float32Array;
      const ofRow = (at: number): number =>
        part === 'own'
          ? Math.floor(at / (outer * inner)) % cache.rows
          : Math.floor(at / (outer * cache.source * inner));
      assert.equal(data.length % (outer * inner * cache.rows), 0);
      for (const [at, value] of data.entries()) assert.equal(Number.isNaN(value), ofRow(at) !== 1, `${index}: ${at}`);
    }
  });
});
