/**
 * Bulk Embed through gRPC (tokenizer, queue, pooling and client included) against the limit of the machine: the best raw
 * onnxruntime loop on the same texts, one thread a core, in order of length, at most 256 padded tokens a batch, tokenized
 * beforehand; and against rivals on the first half of the texts: transformers.js as people use it, Python in order of length.
 * Rounds interleave, so that what else the machine does hits all; on a busy machine the CPU time of a text says more than texts a
 * second. Prints Markdown.
 * `node dist/bench/embed.js [model] [mixed|tail] [rounds] [int8|fp32] [texts]`; transformers.js comes by `npm ci` in bench/ (--ignore-scripts),
 * PLEXUS_BENCH_PYTHON names a Python with onnxruntime, tokenizers and numpy. A rival that is not there is left out.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { readSettings } from '../chassis/settings.js';
import { usableCores } from '../inference/index.js';
import { loadTokenizer } from '../inference/tokenizer/index.js';
import { createRepository, modelFolders, modelSettings, parseReference, requireWeightFile } from '../models/index.js';
import { packageRoot } from '../protos/index.js';
import type { RawStart } from './raw-worker.js';
import { median, ownCpuMs, startBenchService } from './service.js';
import { benchTexts } from './texts.js';

const [model = 'minilm-l3-en', set = 'mixed', rounds = '7', precision, count = '1024'] = process.argv.slice(2);
const COUNT = Number(count);
const PER_CALL = 256;
const BUDGET = 256;

const folders = modelFolders(readSettings(modelSettings, process.env), packageRoot);
const found = await createRepository({ folders }).find(parseReference(model));
const weights = (precision ?? found.manifest.precision) as 'int8' | 'fp32';
const stored = { ...found, manifest: { ...found.manifest, precision: weights } };
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

const service = await startBenchService('./loop-service.js', {
  id: `${stored.manifest.name}@${stored.manifest.version}`,
  name: model,
  ...(weights !== found.manifest.precision && { precision: weights }),
});
const { client } = service;

async function grpcRound(): Promise<number> {
  const startedMs = performance.now();
  const calls: Promise<unknown>[] = [];
  for (let from = 0; from < COUNT; from += PER_CALL)
    calls.push(client.embed.embed({ texts: texts.slice(from, from + PER_CALL) }));
  await Promise.all(calls);
  return COUNT / ((performance.now() - startedMs) / 1000);
}

/** One that answers how many seconds a round over its texts took, and how many of processor time. */
interface Rival {
  name: string;
  round(): Promise<[seconds: number, cpuSeconds: number]>;
  /** Tokens a second, of each round; milliseconds of processor a token. */
  rates: number[];
  cpu: number[];
}

const folder = mkdtempSync(join(tmpdir(), 'plexus-bench-'));
const textsFile = join(folder, 'texts.json');
const rivalTexts = texts.slice(0, COUNT / 2);
const rivalTokens = rows.slice(0, COUNT / 2).reduce((sum, { length }) => sum + length, 0);
writeFileSync(textsFile, JSON.stringify(rivalTexts));
const started: ChildProcess[] = [];

/** What a rival's process says next; rejects where it ends instead. */
function heard(child: ChildProcess, answer: Promise<unknown[]>): Promise<unknown[]> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`its process ended with ${code}`);
  });
  return Promise.race([answer, ended]);
}

/** Those that get through a round: not every model file suits every rival. */
async function able(rivals: readonly Rival[]): Promise<Rival[]> {
  const found: Rival[] = [];
  for (const rival of rivals) {
    try {
      await rival.round();
      found.push(rival);
    } catch (error) {
      console.error(`WITHOUT ${rival.name}: ${(error as Error).message}`);
    }
  }
  return found;
}

async function transformersRivals(): Promise<Rival[]> {
  const script = join(packageRoot, 'bench', 'rivals', 'transformers.mjs');
  if (!existsSync(join(packageRoot, 'bench', 'node_modules', '@huggingface', 'transformers'))) {
    console.error('without transformers.js: npm ci --ignore-scripts in bench/ brings it');
    return [];
  }
  const child = fork(script, [stored.folder, weights === 'int8' ? 'q8' : weights, textsFile]);
  started.push(child);
  await once(child, 'message');
  const round = async (size: string): Promise<[number, number]> => {
    if (!child.connected) throw new Error('its process has ended');
    child.send(size);
    const [answer] = (await heard(child, once(child, 'message'))) as [[number, number]];
    return answer;
  };
  return [
    { name: 'transformers.js, a call a text', round: () => round('one'), rates: [], cpu: [] },
    { name: 'transformers.js, batches of 32', round: () => round('batches'), rates: [], cpu: [] },
  ];
}

async function pythonRival(): Promise<Rival[]> {
  const python = process.env.PLEXUS_BENCH_PYTHON;
  if (!python) {
    console.error('without Python: PLEXUS_BENCH_PYTHON names one with onnxruntime, tokenizers and numpy');
    return [];
  }
  const { maxTokens } = stored.manifest;
  const script = join(packageRoot, 'bench', 'rivals', 'sorted.py');
  const child = spawn(python, [script, stored.folder, start.file, String(maxTokens), textsFile], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  started.push(child);
  const lines = createInterface(child.stdout);
  await once(lines, 'line');
  return [
    {
      name: 'Python onnxruntime and tokenizers, in order of length, batches of 32',
      rates: [],
      cpu: [],
      async round() {
        child.stdin.write('go\n');
        const [answer] = (await heard(child, once(lines, 'line'))) as [string];
        return JSON.parse(answer);
      },
    },
  ];
}

const rivals = await able([...(await transformersRivals()), ...(await pythonRival())]);
await rawRound();
await grpcRound();
service.reset();
/** Texts a second, and milliseconds of CPU a text: of the raw loop; of the service and of its client. */
const seen: { raw: number; grpc: number; rawCpu: number; serviceCpu: number; rpcCpu: number; clientCpu: number }[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const beforeMs = ownCpuMs();
  const raw = await rawRound();
  const betweenMs = ownCpuMs();
  const before = await service.report();
  const grpc = await grpcRound();
  const after = await service.report();
  seen.push({
    raw,
    grpc,
    rawCpu: (betweenMs - beforeMs) / COUNT,
    serviceCpu: (after.cpuMs - before.cpuMs) / COUNT,
    rpcCpu: (after.activeMs - before.activeMs) / COUNT,
    clientCpu: (ownCpuMs() - betweenMs) / COUNT,
  });
  for (const rival of rivals) {
    const [seconds, cpuSeconds] = await rival.round();
    rival.rates.push(rivalTokens / seconds);
    rival.cpu.push((cpuSeconds * 1_000) / rivalTokens);
  }
}

const { stats } = await client.models.stats({});
const own = stats.find(({ name }) => name === model);
const gaps = await service.report();
console.log(
  `${model} ${weights}, ${set}: ${COUNT} texts, ${(tokens / COUNT).toFixed(1)} tokens each, ${PER_CALL} a call, ${rounds} rounds\n`,
);
console.log('| | median |\n|---|---|');
console.log(`| raw onnxruntime loop | ${median(seen.map(({ raw }) => raw)).toFixed(0)} texts/s |`);
console.log(`| Embed through gRPC | ${median(seen.map(({ grpc }) => grpc)).toFixed(0)} texts/s |`);
console.log(`| ratio of a round | ${median(seen.map(({ raw, grpc }) => grpc / raw)).toFixed(2)} |`);
console.log(`| CPU a text, raw loop | ${median(seen.map(({ rawCpu }) => rawCpu)).toFixed(3)} ms |`);
console.log(`| CPU a text, service | ${median(seen.map(({ serviceCpu }) => serviceCpu)).toFixed(3)} ms |`);
console.log(`| of that the RPC thread | ${median(seen.map(({ rpcCpu }) => rpcCpu)).toFixed(3)} ms |`);
console.log(
  `| raw loop over service and client, in CPU a text | ${median(seen.map((each) => each.rawCpu / (each.serviceCpu + each.clientCpu))).toFixed(2)} |`,
);
console.log(`| CPU a text, client | ${median(seen.map(({ clientCpu }) => clientCpu)).toFixed(3)} ms |`);
if (own) {
  console.log(`| texts a batch | ${(own.texts / own.batches).toFixed(1)} |`);
  console.log(`| tokens / padded tokens | ${(own.tokens / own.paddedTokens).toFixed(3)} |`);
}
console.log(`| event-loop gap, longest and p99 | ${gaps.maxMs.toFixed(1)} and ${gaps.p99Ms.toFixed(1)} ms |`);
if (rivals.length > 0) {
  const average = tokens / COUNT;
  console.log(
    '\n| rival | texts/s | of the raw loop | ours over it | CPU a text | ours over it, in texts a CPU second |\n|---|---|---|---|---|---|',
  );
  for (const { name, rates, cpu } of rivals) {
    const over = rates.map((rate, round) => ((seen[round]?.grpc as number) * average) / rate);
    const limit = rates.map((rate, round) => rate / ((seen[round]?.raw as number) * average));
    const less = cpu.map((ms, round) => {
      const { serviceCpu = 0, clientCpu = 0 } = seen[round] ?? {};
      return (ms * average) / (serviceCpu + clientCpu);
    });
    const cells = [
      name,
      (median(rates) / average).toFixed(0),
      median(limit).toFixed(2),
      median(over).toFixed(2),
      `${(median(cpu) * average).toFixed(2)} ms`,
      median(less).toFixed(2),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
for (const child of started) child.kill();
rmSync(folder, { recursive: true });
await Promise.all(threads.map((thread) => thread.terminate()));
await service.stop();
