/** For tests of the upstream: a registry that says what the test says, and a network of scripted instances on any clock. */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { readSettings } from '../../chassis/settings.js';
import { toMeshError } from '../../chassis/status.js';
import type { UpstreamCall } from '../../gateway/upstream/call.js';
import { type Counters, createCounters } from '../../gateway/upstream/counters.js';
import { Endpoint } from '../../gateway/upstream/endpoint.js';
import { Flight, type Layer, type Reply, type Result } from '../../gateway/upstream/flight.js';
import { createPool } from '../../gateway/upstream/pool.js';
import { type UpstreamSettings, upstreamSettings } from '../../gateway/upstream/settings.js';
import type { Connect, Pending, SendOptions } from '../../gateway/upstream/transport.js';
import type { Instance, Registry, Watch } from '../../registry/registry.js';

/** The default settings, with some changed. */
export function testUpstreamSettings(changes: Partial<UpstreamSettings> = {}): UpstreamSettings {
  return { ...readSettings(upstreamSettings, {}), ...changes };
}

export function testInstance(id: string, changes: Partial<Instance> = {}): Instance {
  return {
    id,
    capability: 'embed',
    address: `${id}:1`,
    version: '0',
    zone: '',
    models: ['m@1'],
    weight: 1,
    ...changes,
  };
}

export interface FakeRegistry extends Registry {
  /** What watchers of the capability see from now on. */
  set(capability: string, instances: readonly Instance[]): void;
}

export function createFakeRegistry(initial: readonly Instance[] = []): FakeRegistry {
  const known = new Map<string, readonly Instance[]>();
  const listeners = new Map<string, Set<(instances: readonly Instance[]) => void>>();
  for (const instance of initial) known.set(instance.capability, [...(known.get(instance.capability) ?? []), instance]);
  return {
    kind: 'static',
    register: () => Promise.reject(new Error('this registry only tells')),
    watch(capability): Watch {
      const mine = listeners.get(capability) ?? new Set();
      listeners.set(capability, mine);
      return {
        get instances() {
          return known.get(capability) ?? [];
        },
        ready: () => Promise.resolve(),
        onChange(listener) {
          mine.add(listener);
          listener(known.get(capability) ?? []);
          return () => mine.delete(listener);
        },
        close: () => mine.clear(),
      };
    },
    close: () => Promise.resolve(),
    set(capability, instances) {
      known.set(capability, instances);
      for (const listener of listeners.get(capability) ?? []) listener(instances);
    },
  };
}

/** What an instance does with a call. */
export interface Behaviour {
  /** Time to the answer; Infinity for none. */
  afterMs: number;
  /** Absent: the answer is the request. */
  error?: MeshError;
}

export interface Sent {
  address: string;
  method: string;
  /** By the clock's now(). */
  atMs: number;
  deadlineMs: number;
  outcome: 'flying' | 'answered' | 'failed' | 'cancelled';
}

export interface FakeNetwork {
  connect: Connect;
  /** Every call sent, health checks apart. */
  readonly sent: Sent[];
  /** Open connections. */
  readonly connections: number;
  /** How an address answers calls from now on. */
  script(address: string, behave: (call: { method: string; request: Buffer }) => Behaviour): void;
  /** How an address answers health checks: 1 SERVING, 2 NOT_SERVING, 'silent', or refused. Default 1. */
  health(address: string, status: 1 | 2 | 'silent' | 'refused'): void;
}

export function createFakeNetwork(clock: Clock): FakeNetwork {
  const scripts = new Map<string, (call: { method: string; request: Buffer }) => Behaviour>();
  const healths = new Map<string, 1 | 2 | 'silent' | 'refused'>();
  const waitingPings = new Map<string, Set<() => void>>();
  const sent: Sent[] = [];
  let connections = 0;

  const pending = (behaviour: Behaviour, response: Buffer, record?: Sent): Pending => {
    let cancel!: (reason: MeshError) => void;
    const answer = new Promise<{ response: Buffer; trailers: Record<string, string> }>((resolve, reject) => {
      const stop = Number.isFinite(behaviour.afterMs)
        ? clock.after(behaviour.afterMs, () => {
            if (record && record.outcome === 'flying') record.outcome = behaviour.error ? 'failed' : 'answered';
            if (behaviour.error) reject(behaviour.error);
            else resolve({ response, trailers: { 'x-from': record?.address ?? '' } });
          })
        : () => {};
      cancel = (reason) => {
        stop();
        if (record && record.outcome === 'flying') record.outcome = 'cancelled';
        reject(reason);
      };
    });
    answer.catch(() => {}); // a cancelled ping has nobody waiting
    return { answer, cancel };
  };
  const ping = (address: string): Pending => {
    const status = healths.get(address) ?? 1;
    if (status === 'refused')
      return pending({ afterMs: 0, error: new MeshError('UPSTREAM_UNREACHABLE', 'refused') }, EMPTY);
    if (status !== 'silent') return pending({ afterMs: 1 }, Buffer.from([0x08, status]));
    // Answers once the instance wakes up.
    let cancel!: (reason: MeshError) => void;
    const answer = new Promise<{ response: Buffer; trailers: Record<string, string> }>((resolve, reject) => {
      const waiting = waitingPings.get(address) ?? new Set();
      waitingPings.set(address, waiting);
      waiting.add(() => resolve({ response: Buffer.from([0x08, 1]), trailers: {} }));
      cancel = reject;
    });
    answer.catch(() => {});
    return { answer, cancel };
  };

  return {
    sent,
    get connections() {
      return connections;
    },
    script: (address, behave) => void scripts.set(address, behave),
    health(address, status) {
      healths.set(address, status);
      if (status === 'silent') return;
      for (const wake of waitingPings.get(address) ?? []) wake();
      waitingPings.delete(address);
    },
    connect(address) {
      connections++;
      const unary = (method: string, request: Buffer, options: SendOptions): Pending => {
        if (method.startsWith('grpc.')) return ping(address);
        const record: Sent = { address, method, atMs: clock.now(), deadlineMs: options.deadlineMs, outcome: 'flying' };
        sent.push(record);
        return pending(scripts.get(address)?.({ method, request }) ?? { afterMs: 1 }, request, record);
      };
      return {
        unary,
        serverStream(method, request, options) {
          const first = unary(method, request, options);
          return { messages: messages(first), trailers: {}, cancel: first.cancel };
        },
        bidi(method, requests, options) {
          const first = unary(method, EMPTY, options);
          return { messages: echo(first, requests), trailers: {}, cancel: first.cancel };
        },
        close: () => void connections--,
      };
    },
  };
}

/** A stream of two messages, both the answer. */
async function* messages(first: Pending): AsyncGenerator<Buffer> {
  const { response } = await first.answer;
  yield response;
  yield response;
}

async function* echo(first: Pending, requests: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  await first.answer;
  yield* requests;
}

const EMPTY = Buffer.alloc(0);

/** { texts: [text] } of the methods whose texts are field 2. Up to 127 bytes. */
export function textRequest(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x12, Buffer.byteLength(text)]), Buffer.from(text)]);
}

export function testCall(clock: Clock, changes: Partial<UpstreamCall> = {}): UpstreamCall {
  return {
    capability: 'embed',
    method: 'plexus.v1.Embed/Embed',
    request: textRequest('request'),
    deadlineMs: clock.now() + 10_000,
    signal: new AbortController().signal,
    idempotent: true,
    ...changes,
  };
}

export function testFlight(clock: Clock, changes: Partial<UpstreamCall> = {}): Flight {
  const call = testCall(clock, changes);
  return new Flight(call, call.deadlineMs, clock.monotonic(), call.deadlineMs - clock.now());
}

/** An endpoint without observers, on a network where every call is answered. */
export function testEndpoint(
  clock: Clock,
  id: string,
  changes: Partial<Instance> = {},
  counters: Counters = createCounters(),
): Endpoint {
  const instance = testInstance(id, changes);
  const { connect } = createFakeNetwork(clock);
  const pool = createPool(instance.address, { connect, connections: 1, resetsMax: 100, clock, counters });
  return new Endpoint(instance, { pool, clock, counters, observers: () => [] });
}

export function testReply(instance = 'embed-1'): Reply {
  return { response: Buffer.from('response'), trailers: {}, instance, cached: false };
}

/** A repeatable random (mulberry32); print the seed of a test that draws one. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A layer between promises, as tests like to write what is above and below it. */
export function promised<R extends Result>(
  layer: Layer<R>,
  next: (flight: Flight) => Promise<R>,
  clock: Clock,
): (flight: Flight) => Promise<R> {
  const send = layer((flight, done) => {
    next(flight).then(
      (result) => {
        flight.nowMs = clock.monotonic(); // as an attempt that ends does
        done(undefined, result);
      },
      (error) => {
        flight.nowMs = clock.monotonic();
        done(toMeshError(error), undefined);
      },
    );
  });
  return (flight) => {
    flight.nowMs = clock.monotonic();
    return new Promise((resolve, reject) => {
      let times = 0;
      send(flight, (error, result) => {
        if (++times > 1) throw new Error('a layer called done twice');
        if (error) reject(error);
        else resolve(result as R);
      });
    });
  };
}
