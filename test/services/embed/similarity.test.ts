/** How close vectors are, against the sums written out; how much one step does. */
import assert from 'node:assert/strict';
import { maxSim, STEP_PRODUCTS_MAX, similarity, sparseSimilarities } from '../../../services/embed/similarity.js';

/** Numbers from -1 to 1, the same ones each time. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}

/** What has been read of it. */
function counted(vector: Float32Array): { vector: Float32Array; reads: () => number } {
  let reads = 0;
  const proxy = new Proxy(vector, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
      return Reflect.get(target, key, target);
    },
  });
  return { vector: proxy, reads: () => reads };
}

describe('similarity', () => {
  it('by late interaction is the sum of the closest products, in steps of at most so many multiplications', () => {
    for (const [width, sourceRows, textRows] of [
      [3, 4, 5],
      [2 ** 10, 2, 1_000],
      [STEP_PRODUCTS_MAX * 2, 1, 2],
    ] as const) {
      const [source, text] = [numbers(width * sourceRows, 1), numbers(width * textRows, 2)];
      let wanted = 0;
      for (let row = 0; row < sourceRows; row++) {
        const products = Array.from({ length: textRows }, (_, other) => {
          let dot = 0;
          for (let column = 0; column < width; column++)
            dot += (source[row * width + column] as number) * (text[other * width + column] as number);
          return dot;
        });
        wanted += Math.max(...products);
      }
      const { vector, reads } = counted(text);
      let sum = 0;
      let before = 0;
      for (const step of maxSim(source, vector, width)) {
        sum += step;
        assert.ok(reads() - before <= Math.max(width, STEP_PRODUCTS_MAX), `${reads() - before} in one step`);
        before = reads();
      }
      assert.equal(sum, wanted);
      assert.equal(reads(), source.length * textRows);
    }
    assert.deepEqual([...maxSim(numbers(6, 1), new Float32Array(0), 3)], []);
  });

  it('of sparse vectors is that of the dense ones they stand for', () => {
    const width = 50;
    const sparse = (seed: number, every: number): Float32Array => {
      const values = numbers(width, seed);
      const ids = Array.from({ length: width }, (_, id) => id).filter((id) => id % every === 0);
      return Float32Array.from(ids.reverse().flatMap((id) => [id, values[id] as number]));
    };
    const dense = (pairs: Float32Array): Float32Array => {
      const vector = new Float32Array(width);
      for (let at = 0; at < pairs.length; at += 2) vector[pairs[at] as number] = pairs[at + 1] as number;
      return vector;
    };
    const source = sparse(1, 2);
    const texts = [sparse(2, 3), source, sparse(3, 7), new Float32Array(0), sparse(4, 1)];
    for (const metric of ['cosine', 'dot', 'euclidean'] as const) {
      const sources = texts.map((_, index) => sparse(10 + index, 1 + index));
      const paired = [...sparseSimilarities(metric, sources, texts, width)];
      for (const [index, score] of paired.entries()) {
        const wanted = similarity(metric, dense(sources[index] as Float32Array), dense(texts[index] as Float32Array));
        assert.ok(Math.abs(score - wanted) < 1e-12, `${metric} of pair ${index}: ${score}`);
      }
      const found = [...sparseSimilarities(metric, [source], texts, width)];
      const wanted = texts.map((text) => similarity(metric, dense(source), dense(text)));
      for (const [index, score] of found.entries())
        assert.ok(Math.abs(score - (wanted[index] as number)) < 1e-12, `${metric} ${index}: ${score}`);
      if (metric === 'euclidean') assert.equal(found[1], 0);
    }
  });
});
