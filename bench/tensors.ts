/**
 * What large tensors do to the event loop of the infer service: calls of 0.25 to 4 MiB of floats there and back through a graph that
 * only squares them, one after the other and four at a time. Prints Markdown.
 * `node dist/bench/tensors.js [calls] [rounds]`
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxModel } from '../test/kit/onnx.js';
import { median, startCapability } from './service.js';

const [calls = '20', rounds = '5'] = process.argv.slice(2);
const MIB = 2 ** 20;
const SIZES = [0.25, 1, 4];
const AT_A_TIME = [1, 4];

const root = mkdtempSync(join(tmpdir(), 'plexus-bench-'));
mkdirSync(join(root, 'squares'));
const value = (name: string) => ({ name, type: 'float32', shape: ['batch', 'width'] }) as const;
const steps = [{ op: 'Mul', inputs: ['x', 'x'], outputs: ['y'] }];
writeFileSync(join(root, 'squares', 'model.onnx'), onnxModel({ steps, inputs: [value('x')], outputs: [value('y')] }));
const service = await startCapability('./loop-service.js', 'infer', {
  PLEXUS_MODELS: root,
  PLEXUS_MODEL_INFER: 'squares',
});

async function send(data: Buffer): Promise<number> {
  const startedMs = performance.now();
  await service.client.infer.infer(
    { inputs: [{ name: 'x', shape: [1, data.length / 4], data }] },
    { timeoutMs: 60_000 },
  );
  return performance.now() - startedMs;
}

console.log('| tensor | calls at a time | a call (median) | longest event-loop gap of a round: median, most | p99 |');
console.log('|---|---|---|---|---|');
try {
  for (const size of SIZES) {
    const data = Buffer.alloc(size * MIB);
    for (const together of AT_A_TIME) {
      for (let warm = 0; warm < 8; warm++) await send(data);
      const tookMs: number[] = [];
      const gaps: { maxMs: number; p99Ms: number }[] = [];
      for (let round = 0; round < Number(rounds); round++) {
        service.reset();
        for (let done = 0; done < Number(calls); done += together)
          tookMs.push(...(await Promise.all(Array.from({ length: together }, () => send(data)))));
        gaps.push(await service.report());
      }
      const longest = gaps.map(({ maxMs }) => maxMs);
      const p99 = median(gaps.map(({ p99Ms }) => p99Ms));
      console.log(
        `| ${size} MiB | ${together} | ${median(tookMs).toFixed(1)} ms | ${median(longest).toFixed(1)}, ${Math.max(...longest).toFixed(1)} ms | ${p99.toFixed(1)} ms |`,
      );
    }
  }
} finally {
  await service.stop();
  rmSync(root, { recursive: true, force: true });
}
