/**
 * Generation through gRPC against a plain loop, interleaved: a random T5-small in int8 (made by generate.py), 128 tokens in, 64 out.
 * Run: `[THREADS=1] [WORKERS=1] [PROMPT=128] node dist/bench/generate.js MODEL_FOLDER [PYTHON] [ROUNDS] [PACKAGES MERGED_FOLDER]`. PACKAGES: a folder outside this tree
 * where @huggingface/transformers is installed; MERGED_FOLDER: the same weights in the only form it reads (generate.py merge).
 * PYTHON: an interpreter with onnxruntime (and torch, for
 * the beams); without it only gaps and memory are measured. This side runs as `plexus up` starts a service, with weights in huge pages;
 * RIVAL_TUNABLES is what the rivals get as GLIBC_TUNABLES (nothing). On a machine that does other work the clock lies, so tokens per second of
 * CPU time are given beside tokens per second; what this side spends on gRPC, client included, is in both.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createChannel } from '../chassis/channel.js';
import { systemClock } from '../chassis/clock.js';
import { createServer, serverSettings } from '../chassis/server.js';
import { readSettings } from '../chassis/settings.js';
import { generatorSettings, openGenerator } from '../inference/generate/index.js';
import { withHugePages } from '../inference/huge-pages.js';
import { createHub, inferenceSettings } from '../inference/index.js';
import { createRepository } from '../models/index.js';
import { definition, packageRoot } from '../protos/index.js';
import { createAbstractive } from '../services/summarize/abstractive.js';
import type { SummarizeModel } from '../services/summarize/model.js';
import { createSummarizeService } from '../services/summarize/service.js';
import { summarizeSettings } from '../services/summarize/settings.js';

const env = withHugePages(process.env);
if (env.GLIBC_TUNABLES !== process.env.GLIBC_TUNABLES)
  process.exit(spawnSync(process.execPath, process.argv.slice(1), { env, stdio: 'inherit' }).status ?? 1);

/** Of which the beginning that the service puts before a text, and the end token, are 12 at most. */
const PROMPT_TOKENS = Number(process.env.PROMPT ?? 128);
const TOKENS = 64;
const [folder = '', python = '', roundsText = '3', packages = '', merged = ''] = process.argv.slice(2);
const ROUNDS = Number(roundsText);
/** Of each session of each side. */
const THREADS = Number(process.env.THREADS ?? 1);
/** Worker threads of ours; the rivals have one session each, so compare two of one thread with one of two. */
const WORKERS = Number(process.env.WORKERS ?? 1);
/** Of the rivals' sessions. */
const RIVAL_THREADS = THREADS * WORKERS;
/** One after another, of each caller: the first come together, those after it whenever a place is free, as in a server. */
const REQUESTS = 6;
/** Streams of each caller where gaps are measured. */
const STREAMS = 10;

interface Measured {
  perSecond: number;
  perCpuSecond: number;
}

const { Summarize, SummarizeStream } = definition('plexus.v1.Summarize');
/** A model of a few kilobytes for the long run. */
const small = 't5';
const repository = createRepository({
  folders: [join(folder, '..'), join(packageRoot, 'test', 'inference', 'generate', 'fixtures')],
});
const hub = createHub<SummarizeModel>({
  repository,
  tasks: ['summarize'],
  defaultModel: '',
  open: async (model) => {
    const settings = {
      generator: { ...readSettings(generatorSettings, {}), threads: THREADS, workers: WORKERS },
      inference: readSettings(inferenceSettings, {}),
    };
    const generator = await openGenerator(model, settings);
    console.log(`${model.manifest.name}: ${generator.description}, any age in a step: ${generator.ragged}`);
    return createAbstractive(generator, readSettings(summarizeSettings, {}), systemClock);
  },
});
const name = folder.replace(/\/$/, '').split('/').at(-1) ?? '';
await hub.load(name);
await hub.load(small);
const service = createSummarizeService({ hub, instance: 'bench', clock: systemClock, textsTogether: 8 });
const server = createServer({
  services: [service],
  address: '127.0.0.1:0',
  settings: readSettings(serverSettings, {}),
});
const address = `127.0.0.1:${await server.start()}`;
const channel = createChannel(address);

/** A text that the tokenizer makes about 128 tokens of, different for each caller. */
const text = (caller: number): string =>
  Array.from(
    { length: PROMPT_TOKENS - 12 },
    (_, at) => ['the', 'ship', 'storm', 'port', 'crew', 'sea', 'and', 'of'][(at * 7 + caller) % 8],
  ).join(' ');

async function measure(work: () => Promise<number>): Promise<Measured> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const tokens = await work();
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (tokens * 1_000) / (performance.now() - startedMs),
    perCpuSecond: (tokens * 1e6) / (user + system),
  };
}

/** `callers` at a time, each so many requests one after another. */
const through = (callers: number, requests: number, generation: object) =>
  measure(async () => {
    const one = async (caller: number): Promise<void> => {
      for (let request = 0; request < requests; request++) {
        await channel.unary(
          Summarize,
          { model: name, texts: [text(caller)], generation },
          { deadlineMs: Date.now() + 600_000 },
        );
      }
    };
    await Promise.all(Array.from({ length: callers }, (_, caller) => one(caller)));
    return callers * requests * TOKENS;
  });

/** What a rival's process prints, or undefined where it does not run. */
const rival = (program: string, ...args: (string | number)[]): Measured | undefined => {
  try {
    const said = execFileSync(program, args.map(String), {
      env: { ...env, GLIBC_TUNABLES: env.RIVAL_TUNABLES ?? '' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { tokensPerSecond, tokensPerCpuSecond } = JSON.parse(String(said)) as Record<string, number>;
    return { perSecond: tokensPerSecond as number, perCpuSecond: tokensPerCpuSecond as number };
  } catch (error) {
    console.warn(`A RIVAL DID NOT RUN: ${(error as Error).message.split('\n')[0]}`);
    return undefined;
  }
};
const inPython = (what: string, ...args: number[]): Measured | undefined =>
  python ? rival(python, join(packageRoot, 'bench', 'generate.py'), what, folder, ...args) : undefined;
const inTransformersJs = (how: 'batch' | 'calls', ...args: number[]): Measured | undefined =>
  packages
    ? rival(process.execPath, join(packageRoot, 'bench', 'generate-rival.mjs'), packages, merged, how, ...args)
    : undefined;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0; // of two the worse
const show = (measured: readonly (Measured | undefined)[], pick: keyof Measured): string => {
  const values = measured.flatMap((each) => (each ? [each[pick]] : []));
  return values.length === 0 ? '-' : median(values).toFixed(0);
};
const ratio = (ours: readonly Measured[], theirs: readonly (Measured | undefined)[], pick: keyof Measured): string => {
  const pairs = ours.flatMap((each, index) => (theirs[index] ? [each[pick] / (theirs[index] as Measured)[pick]] : []));
  return pairs.length === 0 ? '-' : `${median(pairs).toFixed(2)} x`;
};

const cell = (measured: readonly (Measured | undefined)[]): string =>
  `${show(measured, 'perSecond')} (${show(measured, 'perCpuSecond')})`;
const against = (ours: readonly Measured[], theirs: readonly (Measured | undefined)[]): string =>
  `${ratio(ours, theirs, 'perSecond')} (${ratio(ours, theirs, 'perCpuSecond')})`;

const greedy = { maxNewTokens: TOKENS, minNewTokens: TOKENS, repetitionPenalty: 1 };
await through(2, 1, greedy); // warm-up
await through(8, 1, { ...greedy, numBeams: 4 }); // as large as it will be
console.log(
  `\n| greedy, callers | plexus through gRPC, tokens/s (per CPU second) | Python onnxruntime loop, one batch | ratio (CPU) | transformers.js, one batch | ratio (CPU) | transformers.js, a call a caller | ratio (CPU) |\n|---|---|---|---|---|---|---|---|`,
);
for (const callers of python ? [1, 4, 8] : []) {
  const ours: Measured[] = [];
  const loops: (Measured | undefined)[] = [];
  const batches: (Measured | undefined)[] = [];
  const calls: (Measured | undefined)[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await through(callers, REQUESTS, greedy));
    loops.push(inPython('loop', callers, PROMPT_TOKENS, TOKENS, RIVAL_THREADS));
    batches.push(inTransformersJs('batch', callers, PROMPT_TOKENS, TOKENS, RIVAL_THREADS));
    calls.push(inTransformersJs('calls', callers, PROMPT_TOKENS, TOKENS, RIVAL_THREADS));
  }
  console.log(
    `| ${callers} | ${cell(ours)} | ${cell(loops)} | ${against(ours, loops)} | ${cell(batches)} | ${against(ours, batches)} | ${cell(calls)} | ${against(ours, calls)} |`,
  );
}
console.log(
  `\n| 4 beams, callers | plexus through gRPC, tokens/s (per CPU second) | transformers in torch, fp32 | ratio (CPU) |\n|---|---|---|---|`,
);
for (const callers of python ? [1, 4, 8] : []) {
  const ours: Measured[] = [];
  const theirs: (Measured | undefined)[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await through(callers, 1, { ...greedy, numBeams: 4 }));
    theirs.push(inPython('torch', callers, PROMPT_TOKENS, TOKENS, 4, RIVAL_THREADS));
  }
  console.log(`| ${callers} | ${cell(ours)} | ${cell(theirs)} | ${against(ours, theirs)} |`);
}

// Gaps of streams, and of the event loop, at 8 callers: ten streams each, of different lengths, so that prompts come while others decode.
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const gaps: number[] = [];
await Promise.all(
  Array.from({ length: 8 }, async (_, caller) => {
    for (let turn = 0; turn < STREAMS; turn++) {
      const tokens = 40 + ((caller * STREAMS + turn) % 8) * 8;
      let lastMs = 0;
      for await (const event of channel.serverStream(
        SummarizeStream,
        {
          model: name,
          text: text(caller),
          generation: { maxNewTokens: tokens, minNewTokens: tokens, repetitionPenalty: 1, noRepeatNgramSize: 1 },
        },
        { deadlineMs: Date.now() + 600_000 },
      )) {
        if (event.done) continue;
        const nowMs = performance.now();
        if (lastMs > 0) gaps.push(nowMs - lastMs);
        lastMs = nowMs;
      }
    }
  }),
);
loop.disable();
gaps.sort((a, b) => a - b);
const at = (share: number): string => (gaps[Math.floor(gaps.length * share)] ?? 0).toFixed(1);
console.log(
  `\n8 streams at a time, ${gaps.length} gaps: gap between two pieces median ${at(0.5)} ms, p90 ${at(0.9)}, p99 ${at(0.99)}, longest ${at(0.9999)} ms; event-loop gap p99 ${(loop.percentile(99) / 1e6).toFixed(1)} ms`,
);

// Memory: 2,000 mixed requests, a quarter cancelled.
const rss: number[] = [];
const words = (count: number): string =>
  Array.from({ length: count }, (_, index) => `w${10 + ((index * 7) % 80)}`).join(' ');
for (let batch = 0; batch < 10; batch++) {
  await Promise.all(
    Array.from({ length: 8 }, async (_, lane) => {
      for (let turn = 0; turn < 25; turn++) {
        const index = batch * 200 + turn * 8 + lane;
        const leave = new AbortController();
        if (index % 4 === 0) setTimeout(() => leave.abort(), index % 13);
        const generation = { maxNewTokens: 4 + ((index * 5) % 28), ...(index % 5 === 0 && { numBeams: 3 }) };
        await channel
          .unary(
            Summarize,
            { model: small, texts: [words(5 + (index % 50))], generation },
            { deadlineMs: Date.now() + 600_000, signal: leave.signal },
          )
          .catch(() => undefined); // those who left
      }
    }),
  );
  rss.push(process.memoryUsage.rss() / 2 ** 20);
}
await new Promise((resolve) => setTimeout(resolve, 1_500)); // the engine tells its state once a second
const stats = (await hub.list()).find((entry) => entry.manifest.name === small)?.stats;
console.log(
  `RSS after each 200 of 2,000 mixed requests, a quarter cancelled: ${rss.map((each) => each.toFixed(0)).join(', ')} MiB; dropped ${stats?.dropped}, waiting ${stats?.queueLength}`,
);
channel.close();
await server.drain(0);
await hub.close();
