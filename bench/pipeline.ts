/**
 * What composing costs: a pipeline of four steps, each reading the one before, against the same four calls made one after the other
 * through the gateway by the caller. `tokenize.Count` is the call, since its model takes microseconds: what is left is the way.
 * Rounds are interleaved; beside the time, the processor time of the gateway. Run: node dist/bench/pipeline.js [rounds]; prints
 * Markdown for bench/results/gateway.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { toStruct } from '../chassis/struct.js';
import { createClient } from '../client/index.js';
import { startMesh } from '../test/kit/mesh.js';

const ROUNDS = Number(process.argv[2] ?? 20);
const RUNS_A_ROUND = 40;
const STEPS = 4;
const TEXT = 'A sentence of usual length, as texts to count tokens of are.';
/** Clock ticks a second in /proc; 100 on every Linux of today. */
const TICKS_A_SECOND = 100;

const folder = mkdtempSync(join(tmpdir(), 'plexus-pipelines-'));
const steps = Array.from({ length: STEPS }, (_, index) => {
  const before = index === 0 ? '' : `\${string(steps.s${index - 1}.counts[0])} `;
  return `  s${index}:\n    call: tokenize.Count\n    with: {texts: ["${before}\${input.text}"]}\n`;
});
writeFileSync(
  join(folder, 'four.yaml'),
  `name: four\nversion: "1"\ninput: {text: string}\nsteps:\n${steps.join('')}output: {count: "\${steps.s${STEPS - 1}.counts[0]}"}\n`,
);
const mesh = await startMesh([], { PLEXUS_PIPELINES: folder });
const client = createClient(mesh.grpc);
const gatewayPid = Number(
  execFileSync(
    'sh',
    ['-c', `ps -axo pid=,ppid=,command= | awk '$2 == ${mesh.process.pid} && /--instance gateway-1/ {print $1}'`],
    { encoding: 'utf8' },
  ),
);
const input = toStruct({ text: TEXT });

const hop = async (): Promise<void> => void (await client.tokenize.count({ texts: [TEXT] }));
const ways = [
  { name: 'one hop', run: hop },
  {
    name: `${STEPS} hops, one after the other`,
    async run() {
      for (let each = 0; each < STEPS; each++) await hop();
    },
  },
  {
    name: `a pipeline of ${STEPS} steps`,
    run: async (): Promise<void> => void (await client.pipelines.run({ pipeline: 'four', input })),
  },
].map((way) => ({ ...way, ms: [] as number[], cpuMs: 0, runs: 0 }));

function gatewayCpuMs(): number {
  const fields = readFileSync(`/proc/${gatewayPid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND) * 1_000;
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN;

for (const { run } of ways) for (let warm = 0; warm < 500; warm++) await run();
for (let round = 0; round < ROUNDS; round++) {
  for (const way of ways) {
    const before = gatewayCpuMs();
    for (let each = 0; each < RUNS_A_ROUND; each++) {
      const startedMs = performance.now();
      await way.run();
      way.ms.push(performance.now() - startedMs);
    }
    way.cpuMs += gatewayCpuMs() - before;
    way.runs += RUNS_A_ROUND;
  }
}
const [, hops, pipeline] = ways as [(typeof ways)[0], (typeof ways)[0], (typeof ways)[0]];
console.log(
  `${cpus().length} cores, Node ${process.versions.node}, ${ROUNDS} interleaved rounds of ${RUNS_A_ROUND} runs, one in flight\n`,
);
console.log('| | p50 ms | p99 ms | processor of the gateway, ms |\n|---|---|---|---|');
for (const { name, ms, cpuMs, runs } of ways)
  console.log(
    `| ${name} | ${quantile(ms, 0.5).toFixed(2)} | ${quantile(ms, 0.99).toFixed(2)} | ${(cpuMs / runs).toFixed(2)} |`,
  );
const ratio = (a: number, b: number): string => (a / b).toFixed(2);
console.log(
  `\nThe pipeline against ${STEPS} hops: x ${ratio(quantile(pipeline.ms, 0.5), quantile(hops.ms, 0.5))} (p50), x ${ratio(quantile(pipeline.ms, 0.99), quantile(hops.ms, 0.99))} (p99), x ${ratio(pipeline.cpuMs, hops.cpuMs)} (processor)`,
);
client.close();
await mesh.stop();
rmSync(folder, { recursive: true, force: true });
