/**
 * The way back for instances that are ejected or whose breaker is open: every half second (jittered) a call with synthetic
 * input. Its answer readmits them, at a small share at first. So it is never a caller who finds out that an instance still
 * fails, and an instance that heals is used again within a second. One that answers the probe and fails its callers (infer has
 * no input that every graph takes, so that its probe is its health) is probed half as often each time it comes back in vain.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import type { Counters } from './counters.js';
import type { Endpoint } from './endpoint.js';
import { isOverload, verdictOf } from './outcome.js';
import { healthRequest } from './pulse.js';

/** A cheap method of each capability whose request has `repeated string texts = 2`. */
const SYNTHETIC: Readonly<Record<string, string>> = {
  tokenize: 'plexus.v1.Tokenize/Count',
  embed: 'plexus.v1.Embed/Embed',
  classify: 'plexus.v1.Classify/Classify',
  summarize: 'plexus.v1.Summarize/Summarize',
};
/** { texts: ["plexus"] } for any of them. */
const SYNTHETIC_REQUEST = Buffer.concat([Buffer.from([0x12, 6]), Buffer.from('plexus')]);

/** Out again within this after it came back: it came back in vain. */
const IN_VAIN_MS = 10_000;
/** Doublings of the pause at most: 16 s at half a second. */
const DOUBLINGS_MAX = 5;

export interface RecoveryOptions {
  probeMs: number;
  clock: Clock;
  random: () => number;
  counters: Counters;
  readmit: (endpoint: Endpoint) => void;
}

export interface Recovery {
  /** Probes until the endpoint is readmitted or gone. Asking twice changes nothing. */
  watch(endpoint: Endpoint): void;
  stop(): void;
}

export function createRecovery({ probeMs, clock, random, counters, readmit }: RecoveryOptions): Recovery {
  const waiting = new Map<Endpoint, () => void>();
  const returns = new WeakMap<Endpoint, { atMs: number; inVain: number }>();
  let stopped = false;

  const schedule = (endpoint: Endpoint): void => {
    if (stopped) return;
    const pauseMs = probeMs * 2 ** Math.min(returns.get(endpoint)?.inVain ?? 0, DOUBLINGS_MAX);
    waiting.set(
      endpoint,
      clock.after(pauseMs * (0.75 + random() / 2), () => void attempt(endpoint)),
    );
  };
  const attempt = async (endpoint: Endpoint): Promise<void> => {
    const out = !endpoint.gone && (endpoint.ejected || endpoint.breaker?.open === true);
    if (stopped || !out) {
      waiting.delete(endpoint);
      return;
    }
    // Where the pulse says it is away there is nothing to try yet.
    if (endpoint.pulse === 'serving') {
      counters.probes++;
      if (await probe(endpoint, clock)) {
        waiting.delete(endpoint);
        returns.set(endpoint, { atMs: clock.monotonic(), inVain: returns.get(endpoint)?.inVain ?? 0 });
        counters.readmissions++;
        if (!stopped) readmit(endpoint);
        return;
      }
      counters.probesFailed++;
    }
    schedule(endpoint);
  };

  return {
    watch(endpoint) {
      if (waiting.has(endpoint)) return;
      const last = returns.get(endpoint);
      if (last) last.inVain = clock.monotonic() - last.atMs < IN_VAIN_MS ? last.inVain + 1 : 0;
      schedule(endpoint);
    },
    stop() {
      stopped = true;
      for (const cancel of waiting.values()) cancel();
      waiting.clear();
    },
  };
}

/** A probe takes this long at most. */
const PROBE_MS_MAX = 2_000;

/** True where the instance does its work, or would if it had room. */
async function probe(endpoint: Endpoint, clock: Clock): Promise<boolean> {
  const method = SYNTHETIC[endpoint.instance.capability];
  endpoint.pool.renew(); // what is known of the old connections may be what failed
  const lease = endpoint.pool.lease();
  const pending = lease.transport.unary(
    method ?? 'grpc.health.v1.Health/Check',
    method ? SYNTHETIC_REQUEST : healthRequest(''),
    {
      deadlineMs: clock.now() + PROBE_MS_MAX,
      metadata: { 'x-plexus-probe': '1' },
    },
  );
  const cancelTimer = clock.after(PROBE_MS_MAX, () =>
    pending.cancel(new MeshError('DEADLINE_EXCEEDED', 'the probe was not answered')),
  );
  try {
    await pending.answer;
    lease.release(false);
    return true;
  } catch (thrown) {
    const error = toMeshError(thrown);
    const verdict = verdictOf(error);
    lease.release(verdict === 'unknown');
    return verdict === 'answered' || isOverload(error);
  } finally {
    cancelTimer();
  }
}
