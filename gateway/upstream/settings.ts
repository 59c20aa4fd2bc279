/** Settings of the upstream stack: one block a layer, each with its off switch. */
import { choice, flag, integer, type Settings } from '../../chassis/settings.js';

export const upstreamSettings = {
  deadline: flag({
    env: 'PLEXUS_UPSTREAM_DEADLINE',
    default: true,
    reason:
      'Ends a call at its deadline, whatever became of the instance. Off: its instance alone does, and one that is silent holds it.',
  }),
  deadlineReserve: flag({
    env: 'PLEXUS_UPSTREAM_DEADLINE_RESERVE',
    default: true,
    reason: 'Keeps 2 % of the time left (2 to 50 ms) for the way back, so that the instance ends first and says why.',
  }),

  cache: flag({
    env: 'PLEXUS_UPSTREAM_CACHE',
    default: true,
    reason:
      'Answers from memory: pipeline steps with cache, and calls passed through as long as PLEXUS_UPSTREAM_CACHE_TTL_MS says.',
  }),
  cacheTtlMs: integer({
    env: 'PLEXUS_UPSTREAM_CACHE_TTL_MS',
    unit: 'ms',
    default: 0,
    min: 0,
    max: 86_400_000,
    reason:
      'How long the answer to a call that is passed through is kept, of methods whose answer depends on request and model alone (not infer, not sampling). 0: not at all, since what callers sent then stays in memory.',
  }),
  cacheEntriesMax: integer({
    env: 'PLEXUS_UPSTREAM_CACHE_ENTRIES_MAX',
    unit: 'count',
    default: 10_000,
    min: 1,
    max: 10_000_000,
    reason: 'Answers kept; the least recently used leaves first.',
  }),
  cacheBytesMax: integer({
    env: 'PLEXUS_UPSTREAM_CACHE_BYTES_MAX',
    unit: 'bytes',
    default: 64 * 2 ** 20,
    min: 1_024,
    max: 2 ** 40,
    reason: 'Bytes of answers kept.',
  }),

  singleFlight: flag({
    env: 'PLEXUS_UPSTREAM_SINGLE_FLIGHT',
    default: true,
    reason:
      'Sends equal calls in flight once, where their answers are equal too: pipeline steps with cache, and calls passed through up to 16 KiB whose answer depends on request and model alone.',
  }),

  throttle: flag({
    env: 'PLEXUS_UPSTREAM_THROTTLE',
    default: true,
    reason: 'Refuses at the gateway what the instances would refuse anyway: refusing costs them work too.',
  }),
  throttlePercent: integer({
    env: 'PLEXUS_UPSTREAM_THROTTLE_PERCENT',
    unit: 'percent',
    default: 200,
    min: 101,
    max: 10_000,
    reason:
      'Calls let through in percent of those accepted lately. 200: half of what is sent may be refused before the gateway steps in.',
  }),

  bulkhead: flag({
    env: 'PLEXUS_UPSTREAM_BULKHEAD',
    default: true,
    reason: 'Bounds the calls in flight per capability, so that a slow one cannot take the whole gateway.',
  }),
  inFlightMax: integer({
    env: 'PLEXUS_UPSTREAM_IN_FLIGHT_MAX',
    unit: 'count',
    default: 256,
    min: 1,
    max: 100_000,
    reason: 'Calls in flight per capability. 256 keeps several instances busy with full batches.',
  }),
  queueMax: integer({
    env: 'PLEXUS_UPSTREAM_QUEUE_MAX',
    unit: 'count',
    default: 256,
    min: 0,
    max: 100_000,
    reason: 'Calls that wait for a place per capability; the next is OVERLOADED at once.',
  }),
  queueWaitMsMax: integer({
    env: 'PLEXUS_UPSTREAM_QUEUE_WAIT_MS_MAX',
    unit: 'ms',
    default: 2_000,
    min: 1,
    max: 600_000,
    reason: 'Longest wait for a place; whoever waits longer is better off elsewhere or later.',
  }),
  adaptiveLimit: flag({
    env: 'PLEXUS_UPSTREAM_ADAPTIVE_LIMIT',
    default: true,
    reason:
      'Lowers the calls in flight, down to 1, while instances refuse or miss deadlines, and raises them again after.',
  }),

  retry: flag({
    env: 'PLEXUS_UPSTREAM_RETRY',
    default: true,
    reason: 'Sends an idempotent call again, to another instance, where the first was refused or lost.',
  }),
  attemptsMax: integer({
    env: 'PLEXUS_UPSTREAM_ATTEMPTS_MAX',
    unit: 'count',
    default: 3,
    min: 1,
    max: 10,
    reason: 'Times one call is sent at most, hedges not counted.',
  }),
  retryPercent: integer({
    env: 'PLEXUS_UPSTREAM_RETRY_PERCENT',
    unit: 'percent',
    default: 20,
    min: 0,
    max: 100,
    reason:
      'Retries and hedges together in percent of the calls of the last 10 s: a mesh in trouble gets at most this much more.',
  }),
  retryPerSecond: integer({
    env: 'PLEXUS_UPSTREAM_RETRY_PER_SECOND',
    unit: 'count',
    default: 10,
    min: 0,
    max: 10_000,
    reason: 'Retries and hedges a second that are free, so that a quiet gateway may retry too.',
  }),

  hedge: flag({
    env: 'PLEXUS_UPSTREAM_HEDGE',
    default: true,
    reason:
      'Sends an idempotent call that is slower than 95 % of its kind to a second instance too; the first answer wins.',
  }),
  hedgePercent: integer({
    env: 'PLEXUS_UPSTREAM_HEDGE_PERCENT',
    unit: 'percent',
    default: 3,
    min: 0,
    max: 100,
    reason: 'Hedges in percent of the calls of the last 10 s, inside the budget of retries.',
  }),
  hedgeMsMin: integer({
    env: 'PLEXUS_UPSTREAM_HEDGE_MS_MIN',
    unit: 'ms',
    default: 10,
    min: 1,
    max: 60_000,
    reason: 'No hedge before this, however fast the method is: below it the second call costs more than it saves.',
  }),

  balance: choice({
    env: 'PLEXUS_UPSTREAM_BALANCE',
    choices: ['p2c', 'random'],
    default: 'p2c',
    reason: 'How an instance is chosen: the less loaded of two drawn at random, or at random.',
  }),
  loadReports: flag({
    env: 'PLEXUS_UPSTREAM_LOAD_REPORTS',
    default: true,
    reason:
      'Uses what instances say of their queues (the ORCA trailer endpoint-load-metrics-bin) in the choice among them.',
  }),
  slowStartMs: integer({
    env: 'PLEXUS_UPSTREAM_SLOW_START_MS',
    unit: 'ms',
    default: 5_000,
    min: 0,
    max: 600_000,
    reason:
      'How long a new or returning instance takes to reach its full share, so that cold caches are not flooded. 0: at once.',
  }),

  keepOnEmpty: flag({
    env: 'PLEXUS_UPSTREAM_KEEP_ON_EMPTY',
    default: true,
    reason:
      'Keeps the instances that still answer when the registry suddenly knows nobody: it is rather the registry that was restarted.',
  }),

  pulse: flag({
    env: 'PLEXUS_UPSTREAM_PULSE',
    default: true,
    reason: 'Pings instances on a connection of their own, and takes those that stop answering out of rotation.',
  }),
  pulseSilenceMs: integer({
    env: 'PLEXUS_UPSTREAM_PULSE_SILENCE_MS',
    unit: 'ms',
    default: 100,
    min: 10,
    max: 60_000,
    reason: 'An instance that has calls and has said nothing for this long is pinged.',
  }),
  pulseTimeoutMs: integer({
    env: 'PLEXUS_UPSTREAM_PULSE_TIMEOUT_MS',
    unit: 'ms',
    default: 250,
    min: 10,
    max: 60_000,
    reason:
      'A ping unanswered for this long: silent, its idempotent calls move on. Services answer health in milliseconds whatever the model does.',
  }),
  pulseIdleMs: integer({
    env: 'PLEXUS_UPSTREAM_PULSE_IDLE_MS',
    unit: 'ms',
    default: 1_000,
    min: 50,
    max: 600_000,
    reason: 'Between pings of an instance that is idle.',
  }),

  eject: flag({
    env: 'PLEXUS_UPSTREAM_EJECT',
    default: true,
    reason: 'Takes out an instance that does worse than its siblings, never more than half of them.',
  }),
  ejectAfter: integer({
    env: 'PLEXUS_UPSTREAM_EJECT_AFTER',
    unit: 'count',
    default: 5,
    min: 1,
    max: 1_000,
    reason: 'Failures in a row that eject an instance.',
  }),

  poison: flag({
    env: 'PLEXUS_UPSTREAM_POISON',
    default: true,
    reason:
      'Counts a request that fails inside an instance once, until it is answered: a request that breaks whoever runs it ejects nobody.',
  }),

  breaker: flag({
    env: 'PLEXUS_UPSTREAM_BREAKER',
    default: true,
    reason: 'A circuit breaker (opossum) per instance and capability: no call is sent into a failure that is known.',
  }),
  breakerPercent: integer({
    env: 'PLEXUS_UPSTREAM_BREAKER_PERCENT',
    unit: 'percent',
    default: 50,
    min: 1,
    max: 100,
    reason: 'Failures in percent of the calls of the last 3 s that open the breaker.',
  }),
  breakerCallsMin: integer({
    env: 'PLEXUS_UPSTREAM_BREAKER_CALLS_MIN',
    unit: 'count',
    default: 10,
    min: 1,
    max: 10_000,
    reason: 'Calls in the last 3 s below which it stays closed: two failures of three are chance.',
  }),
  probeMs: integer({
    env: 'PLEXUS_UPSTREAM_PROBE_MS',
    unit: 'ms',
    default: 500,
    min: 10,
    max: 600_000,
    reason:
      'Between probes (health, then a call with synthetic input) of an instance whose breaker is open or that is ejected; jittered by half.',
  }),

  transport: choice({
    env: 'PLEXUS_UPSTREAM_TRANSPORT',
    choices: ['http2', 'grpc-js'],
    default: 'http2',
    reason:
      'What speaks to the instances: an HTTP/2 client made for many small calls, or grpc-js. Both speak gRPC and give the same errors.',
  }),
  connections: integer({
    env: 'PLEXUS_UPSTREAM_CONNECTIONS',
    unit: 'count',
    default: 2,
    min: 1,
    max: 64,
    reason:
      'Connections per instance in normal use; more are opened where the calls in flight could break one (resetsMax).',
  }),
  resetsMax: integer({
    env: 'PLEXUS_UPSTREAM_RESETS_MAX',
    unit: 'count',
    default: 800,
    min: 10,
    max: 1_000_000,
    reason:
      'Streams one connection could reset: those reset already and those in flight. Node closes a connection after 1000.',
  }),
} as const;

export type UpstreamSettings = Settings<typeof upstreamSettings>;
