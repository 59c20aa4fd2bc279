/**
 * The mesh as it is started by `npm start`: seconds to ready, memory, a pipeline's steps, a call straight to a service against
 * the same call through the gateway (interleaved), the event-loop gap of a service under load, and calls lost when one of two
 * embed processes is killed. Prints Markdown. `node dist/bench/mesh.js`
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { toStruct } from '../chassis/struct.js';
import { createClient, type PlexusClient } from '../client/index.js';
import { startMesh } from '../test/kit/mesh.js';

const ARTICLE = Array.from(
  { length: 24 },
  (_, index) =>
    `Sentence ${index} of the report says that the committee looked at item ${index * 7} and found it wanting in several respects.`,
).join(' ');
const TEXT = 'The quick brown fox jumps over the lazy dog near the river bank.';

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
}

function rssTable(pid: number): string[] {
  return execFileSync('ps', ['-axo', 'ppid=,rss=,command='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^ *(\d+) +(\d+) .*--instance (\S+)/.exec(line))
    .filter((match) => match?.[1] === String(pid))
    .map((match) => `| ${match?.[3]} | ${Math.round(Number(match?.[2]) / 1024)} MB |`);
}

console.log(`${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}\n`);

const startedMs = performance.now();
const mesh = await startMesh(['--scale', 'embed=2']);
console.log(
  `## Start\n\nready after ${((performance.now() - startedMs) / 1000).toFixed(2)} s\n\n| process | RSS |\n|---|---|\n${rssTable(mesh.process.pid as number).join('\n')}\n`,
);
const gateway = createClient(mesh.grpc);

console.log('## analyze, medians of 40 runs, ms\n\n| step | ms |\n|---|---|');
const steps = new Map<string, number[]>();
for (let round = 0; round < 50; round++) {
  const run = await gateway.pipelines.run({ pipeline: 'analyze', input: toStruct({ text: `${ARTICLE} ${round}` }) });
  if (round < 10) continue;
  for (const { name, durationMs } of [...run.steps, { name: 'whole', durationMs: run.totalMs }])
    steps.set(name, [...(steps.get(name) ?? []), durationMs]);
}
for (const [name, values] of steps) console.log(`| ${name} | ${percentile(values, 0.5).toFixed(1)} |`);

const address = mesh.output.match(/^embed-1 +(\S+)/m)?.[1] as string;
const direct = createClient(address);
const call = (client: PlexusClient): Promise<number> => timed(() => client.embed.embed({ texts: [TEXT] }));
const times = { direct: [] as number[], gateway: [] as number[] };
for (let warm = 0; warm < 300; warm++) await Promise.all([call(direct), call(gateway)]);
for (let round = 0; round < 40; round++) {
  for (let each = 0; each < 50; each++) times.direct.push(await call(direct));
  for (let each = 0; each < 50; each++) times.gateway.push(await call(gateway));
}
console.log('\n## One call in flight, 40 interleaved rounds of 50, ms\n\n| | p50 | p99 |\n|---|---|---|');
for (const [name, values] of Object.entries(times))
  console.log(`| ${name} | ${percentile(values, 0.5).toFixed(2)} | ${percentile(values, 0.99).toFixed(2)} |`);

console.log('\n## embed-2 killed with -9 under load (60 calls a second, open loop, 8 s)\n');
const pid = Number(
  execFileSync(
    'sh',
    ['-c', `ps -axo pid=,ppid=,command= | awk '$2 == ${mesh.process.pid} && /--instance embed-2$/ {print $1}'`],
    { encoding: 'utf8' },
  ),
);
const lost: string[] = [];
const latencies: number[] = [];
const calls: Promise<void>[] = [];
for (let sent = 0; sent < 480; sent++) {
  if (sent === 160) process.kill(pid, 'SIGKILL');
  calls.push(
    timed(() => gateway.embed.embed({ texts: [`${TEXT} ${sent}`] }, { timeoutMs: 5_000 })).then(
      (ms) => void latencies.push(ms),
      (error: Error) => void lost.push(error.message),
    ),
  );
  await new Promise((resolve) => setTimeout(resolve, 1000 / 60));
}
await Promise.all(calls);
console.log(
  `${lost.length} of ${calls.length} calls lost; p50 ${percentile(latencies, 0.5).toFixed(1)} ms, p99 ${percentile(latencies, 0.99).toFixed(1)} ms, longest ${Math.max(...latencies).toFixed(1)} ms`,
);
for (const message of new Set(lost)) console.log(`- ${message}`);
direct.close();
gateway.close();
await mesh.stop();

console.log(
  '\n## Event-loop gap of an embed process under closed-loop load, 6 s each\n\n| callers | calls/s | gap p99 | longest gap |\n|---|---|---|---|',
);
const child = fork(fileURLToPath(new URL('./loop-service.js', import.meta.url)), {
  env: { ...process.env, PLEXUS_REGISTRY: 'static', PLEXUS_INSTANCES: 'embed=127.0.0.1:1', PLEXUS_LOG: 'error' },
});
const [{ port }] = (await once(child, 'message')) as [{ port: number }];
const client = createClient(`127.0.0.1:${port}`);
for (const callers of [1, 8, 32, 128]) {
  child.send('reset');
  const untilMs = performance.now() + 6_000;
  let done = 0;
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      while (performance.now() < untilMs) {
        await client.embed.embed({ texts: [`${TEXT} caller ${caller} call ${done}`] });
        done++;
      }
    }),
  );
  child.send('report');
  const [{ maxMs, p99Ms }] = (await once(child, 'message')) as [{ maxMs: number; p99Ms: number }];
  console.log(`| ${callers} | ${Math.round(done / 6)} | ${p99Ms.toFixed(1)} ms | ${maxMs.toFixed(1)} ms |`);
}
client.close();
child.disconnect();
