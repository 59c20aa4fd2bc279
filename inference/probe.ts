/** How fast a model is under a layout: all workers busy for a moment with full batches of short and of longer rows. */
import type { Layout } from './layout.js';
import type { Pool } from './pool.js';
import type { BatchAnswer, BatchJob, ModelShape } from './protocol.js';

/** Long enough for some batches of a small model on every worker; a large model runs one of each kind. */
const PROBE_MS = 150;
/** Rows x tokens. */
const SHAPES = [
  [16, 16],
  [2, 128],
] as const;

/** Tokens a millisecond. The pool must be started and idle. */
export async function probe(
  pool: Pool<BatchJob, BatchAnswer, ModelShape>,
  { workers }: Layout,
  tokensMax: number,
): Promise<number> {
  const startedMs = performance.now();
  let tokens = 0;
  const worker = async (): Promise<void> => {
    for (let turn = 0; turn < SHAPES.length || performance.now() - startedMs < PROBE_MS; turn++) {
      const [rows, wanted] = SHAPES[turn % SHAPES.length] as (typeof SHAPES)[number];
      const length = Math.min(wanted, tokensMax);
      const verdict = await pool.run(
        {
          lengths: new Uint32Array(rows).fill(length),
          ids: new Int32Array(rows * length),
          typeIds: new Uint8Array(0),
          reductions: new Array(rows).fill({ kind: 'pool', pooling: 'cls', normalize: false, dimensions: 1, skip: 0 }),
        },
        [],
      );
      if (verdict.at !== 'done') return; // slower than any that works
      tokens += rows * length;
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return tokens / (performance.now() - startedMs);
}
