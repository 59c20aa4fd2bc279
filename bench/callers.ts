/**
 * Many callers with one text each: the embed service against a server that runs the model on its RPC thread. Closed loop, rounds
 * of two seconds that interleave. Prints Markdown. `node dist/bench/callers.js [model] [callers] [rounds]`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createClient, type PlexusClient } from '../client/index.js';
import { benchTexts } from './texts.js';

const [model = 'minilm-l3-en', callers = '32', rounds = '4'] = process.argv.slice(2);
const ROUND_MS = 2_000;
const texts = benchTexts('mixed', 1_024);

interface Rival {
  name: string;
  process: ChildProcess;
  client: PlexusClient;
  rates: number[];
  latencies: number[];
  gaps: number[];
}

async function start(name: string, script: string): Promise<Rival> {
  const env = {
    ...process.env,
    PLEXUS_MODEL_EMBED: model,
    PLEXUS_ADDRESS: '127.0.0.1:0',
    PLEXUS_REGISTRY: 'static',
    PLEXUS_INSTANCES: 'embed=127.0.0.1:1',
    PLEXUS_LOG: 'error',
  };
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), { env });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { name, process: child, client: createClient(`127.0.0.1:${port}`), rates: [], latencies: [], gaps: [] };
}

async function round({ client }: Rival, latencies: number[]): Promise<number> {
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
  await Promise.all(Array.from({ length: Number(callers) }, (_, index) => caller(index)));
  return done / ((performance.now() - startedMs) / 1_000);
}

const rivals = [await start('embed service', './loop-service.js'), await start('inline', './inline-service.js')];
for (const rival of rivals) await round(rival, []);
for (let each = 0; each < Number(rounds); each++) {
  for (const rival of rivals) {
    rival.process.send('reset');
    rival.rates.push(await round(rival, rival.latencies));
    rival.process.send('report');
    const [{ maxMs }] = (await once(rival.process, 'message')) as [{ maxMs: number }];
    rival.gaps.push(maxMs);
  }
}

const at = (values: number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] as number;
console.log(`${model}, ${callers} callers with one text each, ${rounds} interleaved rounds of ${ROUND_MS / 1_000} s\n`);
console.log('| | calls/s | p50 ms | p99 ms | longest event-loop gap of a round, median ms |\n|---|---|---|---|---|');
for (const { name, rates, latencies, gaps } of rivals) {
  console.log(
    `| ${name} | ${at(rates, 0.5).toFixed(0)} | ${at(latencies, 0.5).toFixed(1)} | ${at(latencies, 0.99).toFixed(1)} | ${at(gaps, 0.5).toFixed(1)} |`,
  );
}
const [ours, inline] = rivals as [Rival, Rival];
const ratios = ours.rates.map((rate, index) => rate / (inline.rates[index] as number));
console.log(`\ncalls/s, ours over inline, median of rounds: ${at(ratios, 0.5).toFixed(2)}`);
for (const { client, process: child } of rivals) {
  client.close();
  child.disconnect();
  await once(child, 'exit');
}
