/**
 * Bulk Embed through gRPC (tokenizer, queue, pooling and client included) against the limit of the machine: the best raw
 * onnxruntime loop on the same texts, one thread a core, in order of length, at most 256 padded tokens a batch, tokenized
 * beforehand. Rounds interleave, so that what else the machine does hits both; on a busy
 * machine the CPU time of a text says more than texts a second. Prints Markdown.
 * `node dist/bench/embed.js [model] [mixed|tail] [rounds]`
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { readSettings } from '../chassis/settings.js';
import { createClient } from '../client/index.js';
import { usableCores } from '../inference/index.js';
import { loadTokenizer } from '../inference/tokenizer/index.js';
import { createRepository, modelFolders, modelSettings, parseReference, requireWeightFile } from '../models/index.js';
import { packageRoot } from '../protos/index.js';
import type { RawStart } from './raw-worker.js';
import { benchTexts } from './texts.js';

const [model = 'minilm-l3-en', set = 'mixed', rounds = '7'] = process.argv.slice(2);
const COUNT = 1_024;
const PER_CALL = 256;
const BUDGET = 256;

const folders = modelFolders(readSettings(modelSettings, process.env), packageRoot);
const stored = await createRepository({ folders }).find(parseReference(model));
const texts = benchTexts(set as 'mixed' | 'tail', COUNT);
const tokenizer = await loadTokenizer(stored.folder);
const rows = texts.map((text) => tokenizer.encodeIds(text, { maxTokens: stored.manifest.maxTokens }));
const tokens = rows.reduce((sum, { length }) => sum + length, 0);

/** In order of length, as many as fit the budget. */
function rawBatches(): RawStart['batches'] {
  const sorted = [...rows].sort((a, b) => a.length - b.length);
  const batches: RawStart['batches'] = [];
  let batch: Int32Array[] = [];
  const flush = (): void => {
    const width = batch[batch.length - 1]?.length ?? 0;
    const ids = new Int32Array(batch.length * width);
    for (const [row, each] of batch.entries()) ids.set(each, row * width);
    batches.push({ ids, lengths: Uint32Array.from(batch, ({ length }) => length), width });
    batch = [];
  };
  for (const row of sorted) {
    if (batch.length > 0 && row.length * (batch.length + 1) > BUDGET) flush();
    batch.push(row);
  }
  flush();
  return batches.reverse(); // the longest first, so that threads end together
}

const next = new Int32Array(new SharedArrayBuffer(4));
const start: RawStart = {
  file: join(stored.folder, requireWeightFile(stored.manifest, 'model')),
  next,
  batches: rawBatches(),
};
const threads = Array.from(
  { length: usableCores() },
  () => new Worker(new URL('./raw-worker.js', import.meta.url), { workerData: start }),
);
await Promise.all(threads.map((thread) => once(thread, 'message')));

async function rawRound(): Promise<number> {
  Atomics.store(next, 0, 0);
  const startedMs = performance.now();
  const ended = threads.map((thread) => once(thread, 'message'));
  for (const thread of threads) thread.postMessage('go');
  await Promise.all(ended);
  return COUNT / ((performance.now() - startedMs) / 1000);
}

const service = fork(fileURLToPath(new URL('./loop-service.js', import.meta.url)), {
  env: {
    ...process.env,
    PLEXUS_MODEL_EMBED: model,
    PLEXUS_ADDRESS: '127.0.0.1:0',
    PLEXUS_REGISTRY: 'static',
    PLEXUS_INSTANCES: 'embed=127.0.0.1:1',
    PLEXUS_LOG: 'error',
  },
});
service.once('exit', (code) => {
  if (code) throw new Error(`the service ended with ${code}`);
});
const [{ port }] = (await once(service, 'message')) as [{ port: number }];
const client = createClient(`127.0.0.1:${port}`);

async function grpcRound(): Promise<number> {
  const startedMs = performance.now();
  const calls: Promise<unknown>[] = [];
  for (let from = 0; from < COUNT; from += PER_CALL)
    calls.push(client.embed.embed({ texts: texts.slice(from, from + PER_CALL) }));
  await Promise.all(calls);
  return COUNT / ((performance.now() - startedMs) / 1000);
}

async function report(): Promise<{ maxMs: number; p99Ms: number; cpuMs: number }> {
  service.send('report');
  const [found] = (await once(service, 'message')) as [{ maxMs: number; p99Ms: number; cpuMs: number }];
  return found;
}

const ownCpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000;

await rawRound();
await grpcRound();
service.send('reset');
/** Texts a second, and milliseconds of CPU a text: of the raw loop; of the service and of its client. */
const seen: { raw: number; grpc: number; rawCpu: number; serviceCpu: number; clientCpu: number }[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const beforeMs = ownCpuMs();
  const raw = await rawRound();
  const betweenMs = ownCpuMs();
  const serviceMs = (await report()).cpuMs;
  const grpc = await grpcRound();
  seen.push({
    raw,
    grpc,
    rawCpu: (betweenMs - beforeMs) / COUNT,
    serviceCpu: ((await report()).cpuMs - serviceMs) / COUNT,
    clientCpu: (ownCpuMs() - betweenMs) / COUNT,
  });
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number;
const { stats } = await client.models.stats({});
const own = stats.find(({ name }) => name === model);
const gaps = await report();
console.log(
  `${model}, ${set}: ${COUNT} texts, ${(tokens / COUNT).toFixed(1)} tokens each, ${PER_CALL} a call, ${rounds} rounds\n`,
);
console.log('| | median |\n|---|---|');
console.log(`| raw onnxruntime loop | ${median(seen.map(({ raw }) => raw)).toFixed(0)} texts/s |`);
console.log(`| Embed through gRPC | ${median(seen.map(({ grpc }) => grpc)).toFixed(0)} texts/s |`);
console.log(`| ratio of a round | ${median(seen.map(({ raw, grpc }) => grpc / raw)).toFixed(2)} |`);
console.log(`| CPU a text, raw loop | ${median(seen.map(({ rawCpu }) => rawCpu)).toFixed(3)} ms |`);
console.log(`| CPU a text, service | ${median(seen.map(({ serviceCpu }) => serviceCpu)).toFixed(3)} ms |`);
console.log(`| CPU a text, client | ${median(seen.map(({ clientCpu }) => clientCpu)).toFixed(3)} ms |`);
if (own) {
  console.log(`| texts a batch | ${(own.texts / own.batches).toFixed(1)} |`);
  console.log(`| tokens / padded tokens | ${(own.tokens / own.paddedTokens).toFixed(3)} |`);
}
console.log(`| event-loop gap, longest and p99 | ${gaps.maxMs.toFixed(1)} and ${gaps.p99Ms.toFixed(1)} ms |`);
client.close();
await Promise.all(threads.map((thread) => thread.terminate()));
service.disconnect();
await once(service, 'exit');
