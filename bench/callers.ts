/**
 * Many callers with one text each: the embed service against a server that runs the model on its RPC thread. Closed loop, rounds
 * of two seconds that interleave. The ceiling is what the cores could answer if they did nothing but this: cores over the processor
 * time of a call, of service and client together. Prints Markdown. `node dist/bench/callers.js [model] [callers,...] [rounds] [int8|fp32]`
 */

import { readSettings } from '../chassis/settings.js';
import { usableCores } from '../inference/index.js';
import { createRepository, modelFolders, modelSettings, type Precision, parseReference } from '../models/index.js';
import { packageRoot } from '../protos/index.js';
import { type BenchService, median, ownCpuMs, startBenchService } from './service.js';
import { benchTexts } from './texts.js';

const [model = 'minilm-l3-en', counts = '32', rounds = '4', precision] = process.argv.slice(2);
const ROUND_MS = 2_000;
const texts = benchTexts('mixed', 1_024);

interface Seen {
  rates: number[];
  latencies: number[];
  gaps: number[];
  /** Milliseconds of a call: of the server, and of the client. */
  serverCpu: number[];
  clientCpu: number[];
}

async function round({ client }: BenchService, callers: number, latencies: number[]): Promise<number> {
  const startedMs = performance.now();
  let done = 0;
  const caller = async (first: number): Promise<void> => {
    for (let at = first; performance.now() - startedMs < ROUND_MS; at += 37) {
      const sentMs = performance.now();
      await client.embed.embed({ texts: [texts[at % texts.length] as string] });
      latencies.push(performance.now() - sentMs);
      done++;
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, index) => caller(index)));
  return done / ((performance.now() - startedMs) / 1_000);
}

async function measured(service: BenchService, callers: number, seen: Seen): Promise<void> {
  service.reset();
  const [before, ownMs] = [await service.report(), ownCpuMs()];
  const calls = seen.latencies.length;
  seen.rates.push(await round(service, callers, seen.latencies));
  const after = await service.report();
  const done = seen.latencies.length - calls;
  seen.gaps.push(after.maxMs);
  seen.serverCpu.push((after.cpuMs - before.cpuMs) / done);
  seen.clientCpu.push((ownCpuMs() - ownMs) / done);
}

const folders = modelFolders(readSettings(modelSettings, process.env), packageRoot);
const { manifest } = await createRepository({ folders }).find(parseReference(model));
const weights = (precision ?? manifest.precision) as Exclude<Precision, 'none'>;
const which = { id: `${manifest.name}@${manifest.version}`, name: model, ...(precision && { precision: weights }) };
const ours = await startBenchService('./loop-service.js', which);
const inline = await startBenchService('./inline-service.js', which);
for (const service of [ours, inline]) await round(service, 32, []);

const at = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] as number;
console.log(`${model} ${weights}, callers with one text each, ${rounds} interleaved rounds of ${ROUND_MS / 1_000} s\n`);
console.log(
  '| callers | server | calls/s | of the ceiling | p50 ms | p99 ms | longest event-loop gap of a round, median ms | CPU a call: server, client ms | calls/s over inline | p99 over inline |\n|---|---|---|---|---|---|---|---|---|---|',
);
for (const callers of counts.split(',').map(Number)) {
  const sides = [ours, inline].map((service) => ({
    service,
    seen: { rates: [], latencies: [], gaps: [], serverCpu: [], clientCpu: [] } as Seen,
  }));
  for (let each = 0; each < Number(rounds); each++) {
    for (const { service, seen } of sides) await measured(service, callers, seen);
  }
  const [left, right] = sides.map(({ seen }) => seen) as [Seen, Seen];
  const over = left.rates.map((rate, index) => rate / (right.rates[index] as number));
  for (const [name, seen] of [
    ['embed service', left],
    ['inline', right],
  ] as const) {
    const [server, client] = [median(seen.serverCpu), median(seen.clientCpu)];
    const ceiling = (usableCores() * 1_000) / (server + client);
    const cells = [
      callers,
      name,
      median(seen.rates).toFixed(0),
      (median(seen.rates) / ceiling).toFixed(2),
      at(seen.latencies, 0.5).toFixed(1),
      at(seen.latencies, 0.99).toFixed(1),
      median(seen.gaps).toFixed(1),
      `${server.toFixed(2)}, ${client.toFixed(2)}`,
      seen === left ? median(over).toFixed(2) : '',
      seen === left ? (at(left.latencies, 0.99) / at(right.latencies, 0.99)).toFixed(2) : '',
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
await Promise.all([ours.stop(), inline.stop()]);
