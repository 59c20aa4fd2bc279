/**
 * What a hop through the gateway costs: the same unary call to an instance directly, through the gateway with either wire, and
 * through nginx `grpc_pass` and haproxy where they are (proxies.ts). All are processes of their own on loopback; rounds are
 * interleaved, so that a noisy moment hits all of them. One call in flight; open loop at half of what
 * the slowest of them passes; and as many as it passes, with the processor time that each took for a call. What the
 * stack alone costs is in stack.ts. Run: node dist/bench/gateway.js [rounds]; prints Markdown for bench/results/gateway.md.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MeshError } from '../chassis/errors.js';
import { createHttp2Transport, type Transport } from '../gateway/upstream/index.js';
import { textRequest } from '../test/kit/upstream.js';
import { startGatewayProcess, startTestProcess } from '../test/kit/upstream-process.js';
import { startProxies } from './proxies.js';

const ROUNDS = Number(process.argv[2] ?? 8);
const CALLS_A_ROUND = 300;
const IN_FLIGHT = 32;
const HALF_LOAD_MS = 1_000;
/** Clock ticks a second in /proc; 100 on every Linux of today. */
const TICKS_A_SECOND = 100;

interface Target {
  name: string;
  transport: Transport;
  /** The process that stands in between; undefined for none. */
  pid: number | undefined;
  /** Of each round. */
  oneMs: number[][];
  halfMs: number[][];
  perSecond: number[];
  cpuUs: number[];
  /** Calls without an answer, by code. */
  failed: Record<string, number>;
}

// The driver is the cheap client, the same for all: over grpc-js it would take more of the machine than the hop.
// No two texts are equal, or the gateway would send equal calls in flight once.
let made = 0;
const call = (target: Target): Promise<unknown> =>
  target.transport
    .unary('plexus.v1.Embed/Embed', textRequest(`a sentence of usual length, as texts to embed are: ${made++}`), {
      deadlineMs: Date.now() + 10_000,
      metadata: undefined,
    })
    .answer.catch((error: MeshError) => {
      target.failed[error.code] = (target.failed[error.code] ?? 0) + 1;
    });

/** Sequential calls; how long each took. */
async function oneInFlight(target: Target, calls: number): Promise<void> {
  const times: number[] = [];
  target.oneMs.push(times);
  for (let each = 0; each < calls; each++) {
    const startedMs = performance.now();
    await call(target);
    times.push(performance.now() - startedMs);
  }
}

/** Calls a second with IN_FLIGHT of them under way, and what each cost whoever stands in between. */
async function throughput(target: Target, calls: number): Promise<void> {
  let left = calls;
  const before = cpuSeconds(target.pid);
  const startedMs = performance.now();
  const worker = async (): Promise<void> => {
    while (left-- > 0) await call(target);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  target.perSecond.push(calls / ((performance.now() - startedMs) / 1_000));
  target.cpuUs.push(((cpuSeconds(target.pid) - before) * 1e6) / calls);
}

/** Calls at set times, whatever becomes of those before; how long each took from when it was due. */
async function halfLoad(target: Target, perSecond: number): Promise<void> {
  const times: number[] = [];
  target.halfMs.push(times);
  const startedMs = performance.now();
  const calls: Promise<void>[] = [];
  for (let sent = 0; performance.now() - startedMs < HALF_LOAD_MS; await sleep(1)) {
    for (; sent < ((performance.now() - startedMs) / 1_000) * perSecond; sent++) {
      const dueMs = performance.now();
      calls.push(call(target).then(() => void times.push(performance.now() - dueMs)));
    }
  }
  await Promise.all(calls);
}

/** Processor time a process has taken, its children included where it only supervises them. */
function cpuSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const pids = children ? children.split(' ') : [String(pid)];
  let ticks = 0;
  for (const each of pids) {
    const fields = readFileSync(`/proc/${each}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_A_SECOND;
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN;

const instance = await startTestProcess('embed-1', { workMs: 0, places: 1_000 });
const instances = [instance.instance];
const both = await startGatewayProcess('both', instances, { transport: 'http2' }, { transport: 'http2' });
const inside = await startGatewayProcess('inside', instances, { transport: 'http2' }, { transport: 'grpc-js' });
const grpcJs = await startGatewayProcess('grpc-js', instances, { transport: 'grpc-js' }, { transport: 'grpc-js' });
const proxies = await startProxies(instance.instance.address);
const target = (name: string, address: string, pid: number | undefined): Target => ({
  name,
  transport: createHttp2Transport(address),
  pid,
  oneMs: [],
  halfMs: [],
  perSecond: [],
  cpuUs: [],
  failed: {},
});
const direct = target('direct', instance.instance.address, undefined);
const targets = [
  direct,
  target('gateway: http2 at the edge and inside', both.instance.address, both.pid),
  target('gateway: grpc-js at the edge, http2 inside', inside.instance.address, inside.pid),
  target('gateway: grpc-js at the edge and inside', grpcJs.instance.address, grpcJs.pid),
];
for (const { name, address, pid } of proxies) targets.push(target(name, address, pid));

for (const each of targets) {
  await oneInFlight(each, 500);
  for (let warm = 0; warm < 4; warm++) await throughput(each, 1_000);
}
const half = Math.round(Math.min(...targets.map(({ perSecond }) => perSecond.at(-1) as number)) / 2);
for (const each of targets) Object.assign(each, { oneMs: [], halfMs: [], perSecond: [], cpuUs: [], failed: {} });
for (let round = 0; round < ROUNDS; round++) {
  for (const each of targets) {
    await oneInFlight(each, CALLS_A_ROUND);
    await halfLoad(each, half);
    await throughput(each, 2_000);
  }
}
const us = (ms: number): string => (ms * 1_000).toFixed(0);
/** Median of the rounds: the instance collects its garbage every few seconds, 20 to 50 ms in which whoever is measured then waits. */
const ofRounds = (rounds: readonly number[][], share: number): number =>
  quantile(
    rounds.map((times) => quantile(times, share)),
    0.5,
  );
const added = (each: Target, times: 'oneMs' | 'halfMs', share: number): string =>
  `${us(ofRounds(each[times], share))} (+${us(ofRounds(each[times], share) - ofRounds(direct[times], share))})`;
console.log(
  `${cpus().length} cores, Node ${process.versions.node}; ${ROUNDS} interleaved rounds: ${CALLS_A_ROUND} calls one in flight, ${HALF_LOAD_MS} ms of ${half} calls a second (half of what the slowest passes; open loop), 2,000 calls ${IN_FLIGHT} in flight. Microseconds, medians of rounds; in brackets what is added to direct.\n`,
);
console.log(
  '| | one in flight p50 | p99 | half load p50 | p99 | calls/s, 32 in flight (median) | processor us a call in between |\n|---|---|---|---|---|---|---|',
);
for (const each of targets) {
  console.log(
    `| ${each.name} | ${added(each, 'oneMs', 0.5)} | ${added(each, 'oneMs', 0.99)} | ${added(each, 'halfMs', 0.5)} | ${added(each, 'halfMs', 0.99)} | ${quantile(each.perSecond, 0.5).toFixed(0)} | ${each.pid === undefined ? '' : (each.cpuUs.reduce((sum, value) => sum + value, 0) / each.cpuUs.length).toFixed(0)} |`,
  );
}
for (const { name, failed } of targets)
  if (Object.keys(failed).length > 0) console.log(`\n${name}: without an answer ${JSON.stringify(failed)}`);
for (const { transport } of targets) transport.close();
for (const proxy of proxies) proxy.stop();
await Promise.all([both, inside, grpcJs, instance].map((each) => each.signal('SIGKILL')));
process.exit(0);
