/**
 * What one Embed call costs the service besides its model: processor time of the process (RPC thread, workers, collector) less the
 * time inside session.run, over calls of one text each from many callers; and with it the longest event-loop gap. The model is one
 * of almost no run time, so that little is subtracted. Prints Markdown. `node dist/bench/call.js [model] [callers] [rounds]`
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createClient } from '../client/index.js';
import { benchTexts } from './texts.js';

const [model = 'static-en', callers = '32', rounds = '5'] = process.argv.slice(2);
const ROUND_MS = 3_000;
const texts = benchTexts('mixed', 1_024);

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
const [{ port }] = (await once(service, 'message')) as [{ port: number }];
const client = createClient(`127.0.0.1:${port}`);

interface Seen {
  callsPerSecond: number;
  serviceUs: number;
  modelUs: number;
  tokenizerUs: number;
  batch: number;
  gapMs: number;
}

async function round(): Promise<Seen> {
  const report = async (): Promise<{ cpuMs: number; maxMs: number }> => {
    service.send('report');
    return ((await once(service, 'message')) as [{ cpuMs: number; maxMs: number }])[0];
  };
  const stats = async (): Promise<{ computeNs: number; tokenizeNs: number; batches: number }> => {
    const all = await client.models.stats({});
    return all.stats.find(({ name }) => name === model) as { computeNs: number; tokenizeNs: number; batches: number };
  };
  const statsBefore = await stats();
  const { cpuMs } = await report();
  service.send('reset');
  const startedMs = performance.now();
  let calls = 0;
  const caller = async (first: number): Promise<void> => {
    for (let at = first; performance.now() - startedMs < ROUND_MS; at += 37, calls++)
      await client.embed.embed({ texts: [texts[at % texts.length] as string] });
  };
  await Promise.all(Array.from({ length: Number(callers) }, (_, index) => caller(index)));
  const tookMs = performance.now() - startedMs;
  const after = await report();
  const statsAfter = await stats();
  return {
    callsPerSecond: (calls * 1_000) / tookMs,
    serviceUs: ((after.cpuMs - cpuMs) * 1_000) / calls,
    modelUs: (statsAfter.computeNs - statsBefore.computeNs) / 1_000 / calls,
    tokenizerUs: (statsAfter.tokenizeNs - statsBefore.tokenizeNs) / 1_000 / calls,
    batch: calls / (statsAfter.batches - statsBefore.batches),
    gapMs: after.maxMs,
  };
}

for (let each = 0; each < 3; each++) await round(); // until the compilers are done
const seen: Seen[] = [];
for (let each = 0; each < Number(rounds); each++) seen.push(await round());
const median = (read: (each: Seen) => number): number =>
  seen.map(read).sort((a, b) => a - b)[seen.length >> 1] as number;
console.log(`${model}, ${callers} callers with one text each, ${rounds} rounds of ${ROUND_MS / 1_000} s\n`);
console.log('| | median |\n|---|---|');
console.log(`| calls/s | ${median((each) => each.callsPerSecond).toFixed(0)} |`);
console.log(`| service CPU a call | ${median((each) => each.serviceUs).toFixed(0)} us |`);
console.log(`| of that in session.run | ${median((each) => each.modelUs).toFixed(0)} us |`);
console.log(`| of that in the tokenizer | ${median((each) => each.tokenizerUs).toFixed(0)} us |`);
console.log(`| besides | ${median((each) => each.serviceUs - each.modelUs - each.tokenizerUs).toFixed(0)} us |`);
console.log(`| texts a batch | ${median((each) => each.batch).toFixed(1)} |`);
console.log(`| longest event-loop gap of a round | ${median((each) => each.gapMs).toFixed(1)} ms |`);
client.close();
service.disconnect();
await once(service, 'exit');
