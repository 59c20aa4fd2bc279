/** What the chaos rows share: instances as child processes, an upstream over them, load on it, and a table of what was seen. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../chassis/clock.js';
import { createUpstream, type Upstream, type UpstreamSettings } from '../../gateway/upstream/index.js';
import { type Load, openLoop } from './open-loop.js';
import { createFakeRegistry, type FakeRegistry, testCall, testUpstreamSettings, textRequest } from './upstream.js';
import { startTestProcess, type TestProcess } from './upstream-process.js';

/** Length of the long faults, seconds; the rows say 60, a shared machine gets less. */
export const FAULT_SECONDS = Number(process.env.PLEXUS_CHAOS_SECONDS ?? 8);

/** A model that takes 80 ms on 4 places: 50 calls a second an instance, nearly no processor time. */
export const WORK = { workMs: 80, places: 4, queueMax: 40 } as const;
export const CAPACITY = 50;

export interface Mesh {
  readonly processes: readonly TestProcess[];
  readonly registry: FakeRegistry;
  readonly upstream: Upstream;
  /** Open-loop load of calls with different texts; a wrong answer is an error. */
  load(perSecond: number, seconds: number, deadlineMs?: number): Load;
  process(id: string): TestProcess;
  state(id: string): string | undefined;
  /** Resolves with the milliseconds until the instance is (or is not) serving. */
  until(id: string, wanted: (state: string | undefined) => boolean, limitMs: number): Promise<number>;
  close(): Promise<void>;
}

// Mocha runs with source maps, under which every error made costs most of a millisecond: refusals would be measured slow.
process.setSourceMapsEnabled(false);

export async function startMesh(count: number, changes: Partial<UpstreamSettings> = {}): Promise<Mesh> {
  const processes = await Promise.all(
    Array.from({ length: count }, (_, index) => startTestProcess(`embed-${index + 1}`, WORK)),
  );
  const registry = createFakeRegistry(processes.map(({ instance }) => instance));
  const upstream = createUpstream({
    registry,
    settings: testUpstreamSettings(changes),
    clock: systemClock,
    random: Math.random,
  });
  let calls = 0;
  const state = (id: string): string | undefined => upstream.instances('embed').find((each) => each.id === id)?.state;
  return {
    processes,
    registry,
    upstream,
    state,
    load: (perSecond, seconds, deadlineMs = 3_000) =>
      openLoop(
        async () => {
          const request = textRequest(`text ${calls++}`);
          const answer = await upstream.unary(testCall(systemClock, { request, deadlineMs: Date.now() + deadlineMs }));
          if (!answer.response.equals(request))
            throw Object.assign(new Error('wrong answer'), { code: 'WRONG_ANSWER' });
          return answer.instance;
        },
        { perSecond, seconds },
      ),
    process: (id) => processes.find(({ instance }) => instance.id === id) as TestProcess,
    async until(id, wanted, limitMs) {
      const startedMs = performance.now();
      while (!wanted(state(id)) && performance.now() - startedMs < limitMs) await sleep(5);
      return Math.round(performance.now() - startedMs);
    },
    async close() {
      await upstream.close();
      await Promise.all(processes.map((each) => each.signal('SIGKILL')));
    },
  };
}

const rows: string[] = [];

/** Notes what was seen, for the table at the end. */
export function seen(fault: string, figures: string): void {
  rows.push(`| ${fault} | ${figures} |`);
}

export function printSeen(): void {
  console.log(`\n| fault | seen |\n|---|---|\n${rows.join('\n')}\n`);
}
