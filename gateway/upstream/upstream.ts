/**
 * The upstream as the rest of the gateway holds it: one cluster and one stack per capability, made at the first call (those of
 * the contract at once, so that their instances are known and warm before anybody asks).
 */
import type { Clock } from '../../chassis/clock.js';
import type { Metrics } from '../../chassis/metrics.js';
import type { TlsSettings } from '../../chassis/tls.js';
import { CAPABILITIES, type Registry } from '../../registry/registry.js';
import { createBalance } from './balance.js';
import { createBudget } from './budget.js';
import { createBulkhead } from './bulkhead.js';
import { createCache } from './cache.js';
import type { UpstreamAnswer, UpstreamBidiCall, UpstreamCall, UpstreamStream } from './call.js';
import { type Cluster, createCluster } from './cluster.js';
import { type Counters, createCounters, exportCounters } from './counters.js';
import { type DeadlineOptions, fly } from './deadline.js';
import type { OpenStream } from './dispatch.js';
import type { InstanceStatus } from './endpoint.js';
import type { Flight, Reply, Send } from './flight.js';
import { createRetry } from './retry.js';
import type { UpstreamSettings } from './settings.js';
import { bidiStack, type CallStackParts, serverStreamStack, unaryStack } from './stack.js';
import { createThrottle } from './throttle.js';
import { type Connect, createGrpcTransport, createHttp2Transport } from './transport.js';
import { createWheel } from './wheel.js';

export interface UpstreamOptions {
  registry: Registry;
  settings: UpstreamSettings;
  clock: Clock;
  random: () => number;
  /** For the connections to instances. Default: plain text. */
  tls?: TlsSettings;
  /** Where the counters are exported. Default: nowhere. */
  metrics?: Metrics;
  /** How connections are opened. Default: as `settings.transport` says. */
  connect?: Connect;
}

export interface Upstream {
  unary(call: UpstreamCall): Promise<UpstreamAnswer>;
  /** Sent when it is first read. */
  serverStream(call: UpstreamCall): UpstreamStream;
  bidi(call: UpstreamBidiCall): UpstreamStream;
  /** Sends a unary call to one instance, past admission, balance, retry and hedge: for what concerns every instance (Models). */
  unaryTo(instance: string, call: UpstreamCall): Promise<UpstreamAnswer>;
  /** Instances of a capability and where they stand. */
  instances(capability: string): readonly InstanceStatus[];
  /** Capabilities that were called or are of the contract. */
  capabilities(): readonly string[];
  /** What the layers counted, by capability. */
  counters(): Readonly<Record<string, Readonly<Counters>>>;
  close(): Promise<void>;
}

interface Branch {
  cluster: Cluster;
  counters: Counters;
  parts: CallStackParts;
  deadline: DeadlineOptions;
  unary: Send<Reply>;
  serverStream: Send<OpenStream>;
}

export function createUpstream(options: UpstreamOptions): Upstream {
  const { registry, settings, random } = options;
  const clock = createWheel(options.clock); // nearly every timer of a call is cancelled
  const connect: Connect =
    options.connect ??
    (settings.transport === 'grpc-js'
      ? (address) => createGrpcTransport(address, { tls: options.tls })
      : (address) => createHttp2Transport(address, { tls: options.tls, clock: options.clock, random }));
  const cache = createCache({
    memory: settings.cache,
    singleFlight: settings.singleFlight,
    ttlMs: settings.cacheTtlMs,
    entriesMax: settings.cacheEntriesMax,
    bytesMax: settings.cacheBytesMax,
    clock,
  });
  const branches = new Map<string, Branch>();

  const grow = (capability: string): Branch => {
    const counters = createCounters();
    const cluster = createCluster({
      watch: registry.watch(capability),
      connect,
      settings,
      clock,
      random,
      counters,
      onModels: () => cache.clear(capability),
      onDead: (waiting, reason) => retry.move(waiting, reason),
    });
    const balance = createBalance({
      capability,
      endpoints: () => cluster.endpoints,
      known: () => cluster.known,
      policy: settings.balance,
      slowStartMs: settings.slowStartMs,
      probeMs: settings.probeMs,
      random,
      counters,
    });
    const budget = createBudget({ percent: settings.retryPercent, perSecond: settings.retryPerSecond, clock });
    const retry = createRetry({ attemptsMax: settings.attemptsMax, budget, balance, clock, random, counters });
    const parts: CallStackParts = {
      settings,
      cache,
      throttle: createThrottle({ percent: settings.throttlePercent, clock, random }),
      bulkhead: createBulkhead({
        capability,
        inFlightMax: settings.inFlightMax,
        queueMax: settings.queueMax,
        queueWaitMsMax: settings.queueWaitMsMax,
        adaptive: settings.adaptiveLimit,
        instances: () => cluster.endpoints.filter(({ state }) => state === 'serving').length,
        clock,
        counters,
      }),
      retry,
      hedgeBudget: createBudget({ percent: settings.hedgePercent, perSecond: 1, clock, parent: budget }),
      balance,
      latency: (method) => cluster.latency(method),
      dispatch: {
        balance,
        record: (method, ms, nowMs) => cluster.latency(method).record(ms, nowMs),
        onError: (begun, error) => cluster.onError(begun, error),
      },
      clock,
      counters,
    };
    const branch = {
      cluster,
      counters,
      parts,
      deadline: { clock, counters, ends: settings.deadline, reserve: settings.deadlineReserve },
      unary: unaryStack(parts),
      serverStream: serverStreamStack(parts),
    };
    branches.set(capability, branch);
    return branch;
  };
  const branchOf = (capability: string): Branch => branches.get(capability) ?? grow(capability);
  for (const capability of CAPABILITIES) grow(capability);
  const allCounters = (): Record<string, Counters> =>
    Object.fromEntries([...branches].map(([capability, { counters }]) => [capability, counters]));
  const allStatuses = (): InstanceStatus[] => [...branches.values()].flatMap(({ cluster }) => cluster.statuses());
  if (options.metrics) exportCounters(options.metrics, allCounters, allStatuses);

  return {
    unary(call) {
      const branch = branchOf(call.capability);
      return fly(call, branch.unary, branch.deadline, toAnswer);
    },
    serverStream(call) {
      const branch = branchOf(call.capability);
      return readable(() => fly(call, branch.serverStream, branch.deadline, opened));
    },
    bidi(call) {
      const branch = branchOf(call.capability);
      const { requests, ...rest } = call;
      const single: UpstreamCall = { ...rest, request: EMPTY, idempotent: false, untimed: true };
      return readable(() => fly(single, bidiStack(requests, branch.parts), branch.deadline, opened));
    },
    unaryTo(instance, call) {
      const branch = branchOf(call.capability);
      const { parts, cluster, counters } = branch;
      const balance = createBalance({
        capability: `${call.capability}/${instance}`,
        endpoints: () => cluster.endpoints.filter(({ id }) => id === instance),
        known: () => true,
        policy: 'random',
        slowStartMs: 0,
        probeMs: settings.probeMs,
        random,
        counters,
      });
      // Past admission too: it takes no place from calls, and an operator gets through when they are refused.
      return fly(
        { ...call, untimed: true },
        unaryStack({
          ...parts,
          balance,
          dispatch: { ...parts.dispatch, balance },
          settings: { ...settings, ...ALONE },
        }),
        branch.deadline,
        toAnswer,
      );
    },
    instances: (capability) => branchOf(capability).cluster.statuses(),
    capabilities: () => [...branches.keys()],
    counters: allCounters,
    async close() {
      for (const { cluster } of branches.values()) cluster.close();
      clock.close();
    },
  };
}

const EMPTY = Buffer.alloc(0);
/** Layers that a call to one instance passes by. */
const ALONE = {
  cache: false,
  singleFlight: false,
  throttle: false,
  bulkhead: false,
  hedge: false,
  retry: false,
} as const;

const toAnswer = ({ response, trailers, instance, cached }: Reply, { attempts }: Flight): UpstreamAnswer => ({
  response,
  trailers,
  instance,
  attempts,
  cached,
});
const opened = (result: OpenStream, flight: Flight): Opened => ({ result, flight });

interface Opened {
  result: OpenStream;
  flight: Flight;
}

/** A stream that opens when it is first read, and ends its flight however reading ends. */
function readable(open: () => Promise<Opened>): UpstreamStream {
  let stream: Opened | undefined;
  return {
    get instance() {
      return stream?.result.instance;
    },
    get attempts() {
      return stream?.flight.attempts ?? 0;
    },
    get trailers() {
      return stream?.result.trailers ?? {};
    },
    async *[Symbol.asyncIterator]() {
      stream = await open();
      const { result } = stream;
      try {
        let message = result.first ?? (await result.next());
        while (!message.done) {
          yield message.value;
          message = await result.next();
        }
      } finally {
        result.close();
      }
    },
  };
}
