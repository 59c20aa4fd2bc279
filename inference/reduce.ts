/** What a session gave for a batch to what its rows asked for: pooled vectors, vectors of tokens, sparse weights, logits. */
import { normalize, pool } from './pooling.js';
import type { BatchAnswer, BatchJob, ModelShape } from './protocol.js';
import { sparseVector } from './sparse.js';

/** `data` has rows of `padded` tokens where the shape gives something for each token, else one vector a row. */
export function reduceRows(
  { output: given, width }: Pick<ModelShape, 'output' | 'width'>,
  job: BatchJob,
  data: Float32Array,
  padded: number,
): Pick<BatchAnswer, 'output' | 'sizes'> {
  const rows = job.lengths.length;
  const sizes = new Uint32Array(rows);
  /** Only what comes of the computing itself says how long a sparse row is. */
  const sparse: Float32Array[] = [];
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const reduction = job.reductions[row] as BatchJob['reductions'][number];
    const length = job.lengths[row] as number;
    if (reduction.kind === 'sparse') {
      const pairs = sparseVector(data, row * padded * width, length, width, reduction);
      sparse[row] = pairs;
      sizes[row] = pairs.length;
    } else if (reduction.kind === 'tokens') sizes[row] = length * reduction.dimensions;
    else sizes[row] = reduction.kind === 'logits' ? width : reduction.dimensions;
    total += sizes[row] as number;
  }

  const output = new Float32Array(total);
  for (let row = 0, at = 0; row < rows; row++) {
    const reduction = job.reductions[row] as BatchJob['reductions'][number];
    const length = job.lengths[row] as number;
    const size = sizes[row] as number;
    switch (reduction.kind) {
      case 'pool': {
        const { pooling, dimensions, skip } = reduction;
        if (given === 'hidden')
          pool(pooling, { hidden: data, from: row * padded * width, length, width, skip }, output, at, dimensions);
        else output.set(data.subarray(row * width, row * width + dimensions), at);
        if (reduction.normalize) normalize(output.subarray(at, at + size));
        break;
      }
      case 'tokens':
        for (let token = 0; token < length; token++) {
          const from = (row * padded + token) * width;
          const to = at + token * reduction.dimensions;
          output.set(data.subarray(from, from + reduction.dimensions), to);
          if (reduction.normalize) normalize(output.subarray(to, to + reduction.dimensions));
        }
        break;
      case 'sparse':
        output.set(sparse[row] as Float32Array, at);
        break;
      case 'logits':
        output.set(data.subarray(row * width, row * width + size), at);
    }
    at += size;
  }
  return { output, sizes };
}
