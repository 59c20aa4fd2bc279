/**
 * Chooses the instance: the cheaper of two drawn at random, where cost is the peak EWMA of its latency times the attempts it
 * has in flight. Two draws are enough to avoid a slow instance and few enough that all gateways do not rush to the same one.
 * Weight and slow start thin out how often an instance is considered at all, since a division of its cost would do nothing
 * while the mesh is idle.
 */
import type { Counters } from './counters.js';
import type { Endpoint } from './endpoint.js';
import type { Flight } from './flight.js';
import { Refusal } from './refusal.js';

export interface BalanceOptions {
  capability: string;
  endpoints: () => readonly Endpoint[];
  /** False until the registry has answered once. */
  known: () => boolean;
  policy: 'p2c' | 'random';
  slowStartMs: number;
  /** Milliseconds until a probe may bring an instance back: the advice that CIRCUIT_OPEN carries. */
  probeMs: number;
  random: () => number;
  counters: Counters;
}

export interface Balance {
  /** For the moment `flight.nowMs`. Throws NO_INSTANCE or CIRCUIT_OPEN. */
  pick(flight: Flight): Endpoint;
  /** True where an instance in rotation has not been tried for this call. */
  hasOther(flight: Flight): boolean;
  /** True where an instance in rotation has the model it asks for. */
  canAnswer(flight: Flight): boolean;
  /** Milliseconds until an instance accepts a retry again; 0 where one does now. */
  restMs(flight: Flight): number;
}

/** Times the cheapest: what costs more is not drawn. */
const DEAR = 4;
/** Share of a new instance at its first moment. */
const RAMP_MIN = 0.1;

export function createBalance(options: BalanceOptions): Balance {
  const { capability, endpoints, policy, slowStartMs, random, counters } = options;

  const weight = (endpoint: Endpoint, nowMs: number): number => {
    const age = nowMs - endpoint.startedMs;
    const ramp = age >= slowStartMs ? 1 : Math.max(RAMP_MIN, age / slowStartMs);
    return endpoint.instance.weight * ramp;
  };
  const cheaper = (a: Endpoint, b: Endpoint, nowMs: number): Endpoint => {
    const weightA = weight(a, nowMs);
    const weightB = weight(b, nowMs);
    if (weightA !== weightB) {
      const [light, heavy, ratio] = weightA < weightB ? [a, b, weightA / weightB] : [b, a, weightB / weightA];
      // Considered so often that, at equal cost, its share of the pair is its share of the weight.
      if (random() >= (2 * ratio) / (1 + ratio)) return heavy;
      if (!light.load.known) return light; // its trial call
    }
    return cost(a, b, nowMs) <= cost(b, a, nowMs) ? a : b;
  };
  const choose = (among: readonly Endpoint[], nowMs: number): Endpoint => {
    if (among.length === 1) return among[0] as Endpoint;
    const first = Math.floor(random() * among.length);
    const a = among[first] as Endpoint;
    if (policy === 'random') return a;
    const second = Math.floor(random() * (among.length - 1));
    return cheaper(a, among[second >= first ? second + 1 : second] as Endpoint, nowMs);
  };
  const none = (): Refusal => {
    const all = endpoints();
    const open = all.some((endpoint) => endpoint.state === 'open');
    if (open) {
      counters.circuitOpen++;
      return new Refusal(
        'breaker',
        'CIRCUIT_OPEN',
        `every instance of ${capability} is failing; they are probed and used again when they answer`,
        { retryAfterMs: options.probeMs, facts: { capability } },
      );
    }
    counters.noInstance++;
    const soon = all.length > 0 || !options.known();
    return new Refusal(
      'balance',
      'NO_INSTANCE',
      `no instance of ${capability} is ${all.length > 0 ? 'taking calls' : 'known'}; start one, or try again later`,
      { retryAfterMs: 1_000, facts: { capability, soon: String(soon) }, soon },
    );
  };

  return {
    pick(flight) {
      const all = endpoints();
      let candidates = those(all, isServing);
      if (candidates.length === 0) {
        // Nobody is left: rather those we only suspect than none. Instances that say they leave or whose breaker is open are facts.
        candidates = those(all, ({ state }) => state === 'ejected');
        if (candidates.length === 0) candidates = those(all, ({ state }) => state === 'silent');
        if (candidates.length === 0) throw none();
        counters.panics++;
      }
      const { tried, nowMs } = flight;
      const { model } = flight.call;
      if (model !== undefined) candidates = prefer(candidates, (endpoint) => endpoint.serves(model));
      if (tried.length > 0) {
        candidates = prefer(candidates, (endpoint) => !tried.includes(endpoint));
        candidates = prefer(candidates, (endpoint) => endpoint.restUntilMs <= nowMs);
      }
      return choose(policy === 'p2c' ? withoutDear(candidates, nowMs) : candidates, nowMs);
    },
    hasOther: (flight) =>
      endpoints().some(
        (endpoint) => isServing(endpoint) && !flight.tried.includes(endpoint) && endpoint.serves(flight.call.model),
      ),
    canAnswer: ({ call }) => endpoints().some((endpoint) => isServing(endpoint) && endpoint.serves(call.model)),
    restMs(flight) {
      const others = prefer(those(endpoints(), isServing), (endpoint) => !flight.tried.includes(endpoint));
      if (others.length === 0) return 0;
      return Math.max(0, Math.min(...others.map(({ restUntilMs }) => restUntilMs)) - flight.nowMs);
    },
  };
}

const isServing = (endpoint: Endpoint): boolean => endpoint.state === 'serving';

/** An instance that has never answered is taken to be like its rival. */
function cost(endpoint: Endpoint, rival: Endpoint, nowMs: number): number {
  const known = endpoint.load.known ? endpoint : rival;
  // What has not been answered yet has lasted so long already: a slow instance shows before its first slow answer.
  const { oldest } = endpoint;
  const pendingMs = oldest ? nowMs - oldest.startedMs : 0;
  const queueMs = endpoint.reported?.queueMs(nowMs) ?? 0;
  return (Math.max(known.load.valueMs(nowMs), pendingMs, queueMs) + 0.1) * (endpoint.inFlight + 1);
}

/**
 * Leaves out what costs far more than the cheapest. With three instances, two of three pairs have the slow one in them, and
 * each of those would be no choice at all: the other gets the call however busy it is.
 */
function withoutDear(all: readonly Endpoint[], nowMs: number): readonly Endpoint[] {
  if (all.length <= 2) return all;
  let cheapest = Number.POSITIVE_INFINITY;
  for (const endpoint of all) if (endpoint.load.known) cheapest = Math.min(cheapest, cost(endpoint, endpoint, nowMs));
  const limit = cheapest * DEAR;
  return those(all, (endpoint) => !endpoint.load.known || cost(endpoint, endpoint, nowMs) <= limit);
}

function prefer(all: readonly Endpoint[], wanted: (endpoint: Endpoint) => boolean): readonly Endpoint[] {
  if (all.length <= 1) return all;
  const found = those(all, wanted);
  return found.length > 0 ? found : all;
}

/** `all.filter(wanted)`, without a new list where all are wanted, which is nearly always. */
function those(all: readonly Endpoint[], wanted: (endpoint: Endpoint) => boolean): readonly Endpoint[] {
  for (const endpoint of all) if (!wanted(endpoint)) return all.filter(wanted);
  return all;
}
