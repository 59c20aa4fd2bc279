/**
 * The upstream against simulated instances in virtual time: places, a queue, faults, open-loop load. Minutes of trouble pass in
 * a second and are the same for the same seed, so the promises about faults are tests here and not only measurements.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { createUpstream, type Upstream, type UpstreamSettings } from '../../gateway/upstream/index.js';
import type { Connect, Pending } from '../../gateway/upstream/transport.js';
import type { Watch } from '../../registry/registry.js';
import type { Sample } from './open-loop.js';
import {
  createFakeRegistry,
  type FakeRegistry,
  seeded,
  testCall,
  testInstance,
  testUpstreamSettings,
} from './upstream.js';

/** A clock with a heap of timers; fast enough for a million of them. */
export interface SimulatedClock extends Clock {
  /** Runs every timer up to `untilMs` (monotonic), in order, letting promises settle after each moment. */
  run(untilMs: number): Promise<void>;
}

interface Timer {
  atMs: number;
  order: number;
  run: (() => void) | undefined;
}

export function createSimulatedClock(startMs = 1_700_000_000_000): SimulatedClock {
  const heap: Timer[] = [];
  let nowMs = 0;
  let order = 0;
  const before = (a: Timer, b: Timer): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  const push = (timer: Timer): void => {
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(timer, heap[parent] as Timer)) break;
      heap[at] = heap[parent] as Timer;
      at = parent;
    }
    heap[at] = timer;
  };
  const pop = (): Timer => {
    const top = heap[0] as Timer;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child++;
      if (!before(heap[child] as Timer, last)) break;
      heap[at] = heap[child] as Timer;
      at = child;
    }
    heap[at] = last;
    return top;
  };
  return {
    now: () => startMs + nowMs,
    monotonic: () => nowMs,
    after(delayMs, run) {
      const timer: Timer = { atMs: nowMs + Math.max(0, delayMs), order: order++, run };
      push(timer);
      return () => {
        timer.run = undefined;
      };
    },
    async run(untilMs) {
      let ran = true;
      for (;;) {
        while (heap.length > 0 && !(heap[0] as Timer).run) pop(); // cancelled
        const next = heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
        if (ran && next > nowMs) {
          // Promises settle before time moves on, and may set timers for this very moment.
          ran = false;
          await new Promise((resolve) => setImmediate(resolve));
          continue;
        }
        if (next > untilMs) break;
        nowMs = Math.max(nowMs, next);
        pop().run?.();
        ran = true;
      }
      nowMs = untilMs;
    },
  };
}

/** A simulated instance; change it while it runs. */
export interface SimulatedInstance {
  readonly id: string;
  workMs: number;
  places: number;
  queueMax: number;
  /** Refuses every call as unreachable, at once. */
  failing: boolean;
  /** The process is gone: calls in flight break, connections are refused. */
  dead: boolean;
  /** SIGSTOP: answers nothing until it goes on. */
  stopped: boolean;
  /** Never answers health either, and never refuses: a line that swallows everything. */
  readonly counts: { received: number; answered: number; cancelled: number; probes: number };
}

export interface Simulation {
  readonly clock: SimulatedClock;
  readonly upstream: Upstream;
  readonly registry: FakeRegistry;
  readonly instances: readonly SimulatedInstance[];
  /** Deadlines of calls that an instance received after they had passed. */
  readonly late: number;
  /** Open-loop load from now on; resolves when time reaches its end and every call is over. */
  load(
    perSecond: number,
    seconds: number,
    options?: {
      deadlineMs?: number;
      criticality?: string;
      during?: readonly (readonly [ms: number, run: () => void])[];
    },
  ): Promise<Sample[]>;
  /** Wakes stopped instances up so that they answer what they hold. */
  resume(instance: SimulatedInstance): void;
  kill(instance: SimulatedInstance): void;
  close(): Promise<void>;
}

interface Job {
  finish: () => void;
  fail: (error: MeshError) => void;
  cancelTimer: () => void;
  state: 'waiting' | 'working' | 'over';
}

export function simulate(options: {
  count: number;
  workMs: number;
  places: number;
  queueMax: number;
  seed: number;
  settings?: Partial<UpstreamSettings>;
  /** Who says which instances there are. Default: a registry that says what the test says. */
  watch?: (clock: SimulatedClock) => Watch;
}): Simulation {
  const clock = createSimulatedClock();
  const random = seeded(options.seed);
  const instances: SimulatedInstance[] = [];
  const jobs = new Map<SimulatedInstance, { waiting: Job[]; working: Set<Job>; pings: (() => void)[] }>();
  let late = 0;
  for (let index = 1; index <= options.count; index++) {
    const instance: SimulatedInstance = {
      id: `embed-${index}`,
      workMs: options.workMs,
      places: options.places,
      queueMax: options.queueMax,
      failing: false,
      dead: false,
      stopped: false,
      counts: { received: 0, answered: 0, cancelled: 0, probes: 0 },
    };
    instances.push(instance);
    jobs.set(instance, { waiting: [], working: new Set(), pings: [] });
  }

  const begin = (instance: SimulatedInstance): void => {
    const state = jobs.get(instance);
    if (!state || instance.stopped || instance.dead) return;
    while (state.working.size < instance.places && state.waiting.length > 0) {
      const job = state.waiting.shift() as Job;
      if (job.state !== 'waiting') continue;
      job.state = 'working';
      state.working.add(job);
      // Real work varies: 80 to 120 % of its time.
      const finish = (): void => {
        if (instance.stopped) return; // resume() asks again
        state.working.delete(job);
        job.state = 'over';
        instance.counts.answered++;
        job.finish();
        begin(instance);
      };
      job.cancelTimer = clock.after(instance.workMs * (0.8 + random() * 0.4), finish);
    }
  };
  const submit = (instance: SimulatedInstance, response: Buffer, deadlineMs: number): Pending => {
    const state = jobs.get(instance) as NonNullable<ReturnType<typeof jobs.get>>;
    if (deadlineMs <= clock.now()) late++;
    instance.counts.received++;
    let job!: Job;
    const answer = new Promise<{ response: Buffer; trailers: Record<string, string> }>((resolve, reject) => {
      job = {
        finish: () => resolve({ response, trailers: {} }),
        fail: reject,
        cancelTimer: () => {},
        state: 'waiting',
      };
    });
    const refuse = (error: MeshError): void => {
      job.state = 'over';
      clock.after(0.5, () => job.fail(error));
    };
    if (instance.dead || instance.failing) refuse(new MeshError('UPSTREAM_UNREACHABLE', 'refused'));
    else if (state.waiting.length >= instance.queueMax)
      refuse(new MeshError('QUEUE_FULL', 'full', { retryAfterMs: 50 }));
    else {
      state.waiting.push(job);
      clock.after(0.5, () => begin(instance));
    }
    return {
      answer,
      cancel(reason) {
        if (job.state !== 'over') {
          instance.counts.cancelled++;
          if (job.state === 'working') state.working.delete(job);
          else state.waiting.splice(state.waiting.indexOf(job), 1);
          job.state = 'over';
          job.cancelTimer();
          begin(instance);
        }
        job.fail(reason);
      },
    };
  };
  const ping = (instance: SimulatedInstance): Pending => {
    instance.counts.probes++;
    const state = jobs.get(instance) as NonNullable<ReturnType<typeof jobs.get>>;
    let cancel!: (reason: MeshError) => void;
    const answer = new Promise<{ response: Buffer; trailers: Record<string, string> }>((resolve, reject) => {
      cancel = reject;
      const pong = (): void => resolve({ response: Buffer.from([0x08, 1]), trailers: {} });
      if (instance.dead) clock.after(0.5, () => reject(new MeshError('UPSTREAM_UNREACHABLE', 'refused')));
      else if (instance.stopped) state.pings.push(pong);
      else clock.after(0.5, pong);
    });
    answer.catch(() => {}); // a ping that was given up has nobody waiting
    return { answer, cancel };
  };
  const connect: Connect = (address) => {
    const instance = instances.find(({ id }) => address === `${id}:1`) as SimulatedInstance;
    const none = (): never => {
      throw new Error('the simulation has no streams');
    };
    return {
      unary: (method, request, { deadlineMs }) =>
        method.startsWith('grpc.') ? ping(instance) : submit(instance, request, deadlineMs),
      serverStream: none,
      bidi: none,
      close: () => {},
    };
  };
  const registry = createFakeRegistry(instances.map(({ id }) => testInstance(id)));
  const watch = options.watch?.(clock);
  const upstream = createUpstream({
    registry: watch
      ? { ...registry, watch: (capability) => (capability === 'embed' ? watch : registry.watch(capability)) }
      : registry,
    settings: testUpstreamSettings(options.settings),
    clock,
    random,
    connect,
  });

  return {
    clock,
    upstream,
    registry,
    instances,
    get late() {
      return late;
    },
    async load(perSecond, seconds, { deadlineMs = 3_000, criticality, during = [] } = {}) {
      const fromMs = clock.monotonic();
      const samples: Sample[] = [];
      const total = Math.round(perSecond * seconds);
      let started = 0;
      let dueMs = 0;
      const one = (): void => {
        const due = dueMs;
        const { now } = clock;
        const sentMs = clock.monotonic();
        void upstream
          .unary(
            testCall(clock, {
              deadlineMs: now() + deadlineMs,
              ...(criticality && { metadata: { 'x-plexus-criticality': criticality } }),
            }),
          )
          .then(
            ({ instance }) => ({ instance, code: undefined }),
            (error: MeshError) => ({ instance: undefined, code: error.code as string }),
          )
          .then((outcome) => samples.push({ dueMs: due, ms: clock.monotonic() - sentMs, ...outcome }));
        dueMs += (-Math.log(1 - random()) * 1_000) / perSecond; // arrivals as they come: Poisson
        if (++started < total) clock.after(dueMs - due, one);
      };
      if (total > 0) clock.after(0, one);
      for (const [ms, run] of during) clock.after(ms, run);
      await clock.run(fromMs + seconds * 1_000);
      while (samples.length < total) await clock.run(clock.monotonic() + 100);
      return samples;
    },
    resume(instance) {
      instance.stopped = false;
      const state = jobs.get(instance) as NonNullable<ReturnType<typeof jobs.get>>;
      for (const pong of state.pings.splice(0)) pong();
      for (const job of [...state.working]) {
        job.cancelTimer();
        state.working.delete(job);
        job.state = 'waiting';
        state.waiting.unshift(job);
      }
      begin(instance);
    },
    kill(instance) {
      instance.dead = true;
      const state = jobs.get(instance) as NonNullable<ReturnType<typeof jobs.get>>;
      for (const job of [...state.working, ...state.waiting]) {
        job.cancelTimer();
        job.state = 'over';
        job.fail(new MeshError('UPSTREAM_UNREACHABLE', 'connection reset'));
      }
      state.working.clear();
      state.waiting.length = 0;
    },
    close: () => upstream.close(),
  };
}
