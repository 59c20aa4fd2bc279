/**
 * The way back for instances that are ejected or whose breaker is open: every half second (jittered) a call with synthetic
 * input. Its answer readmits them, at a small share at first. So it is never a caller who finds out that an instance still
 * fails, and an instance that heals is used again within a second. One that answers the probe and fails its callers is probed
 * half as often each time it comes back in vain.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import type { Counters } from './counters.js';
import type { Endpoint } from './endpoint.js';
import { isOverload, verdictOf } from './outcome.js';
import { HEALTH, type Synthetic, synthetic } from './synthetic.js';

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

  const schedule = (endpoint: Endpoint, tries: number): void => {
    if (stopped) return;
    const pauseMs = probeMs * 2 ** Math.min(returns.get(endpoint)?.inVain ?? 0, DOUBLINGS_MAX);
    waiting.set(
      endpoint,
      clock.after(pauseMs * (0.75 + random() / 2), () => void attempt(endpoint, tries)),
    );
  };
  const attempt = async (endpoint: Endpoint, tries: number): Promise<void> => {
    const out = !endpoint.gone && (endpoint.ejected || endpoint.breaker?.open === true);
    if (stopped || !out) {
      waiting.delete(endpoint);
      return;
    }
    // Where the pulse says it is away there is nothing to try yet.
    if (endpoint.pulse === 'serving') {
      counters.probes++;
      if (await probe(endpoint, tries, clock)) {
        waiting.delete(endpoint);
        returns.set(endpoint, { atMs: clock.monotonic(), inVain: returns.get(endpoint)?.inVain ?? 0 });
        counters.readmissions++;
        if (!stopped) readmit(endpoint);
        return;
      }
      counters.probesFailed++;
    }
    schedule(endpoint, tries + 1);
  };

  return {
    watch(endpoint) {
      if (waiting.has(endpoint)) return;
      const last = returns.get(endpoint);
      if (last) last.inVain = clock.monotonic() - last.atMs < IN_VAIN_MS ? last.inVain + 1 : 0;
      schedule(endpoint, 1);
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
/** Zeros may be what a graph cannot take: after so many in vain an instance of infer is believed its health. */
const ZEROS_MAX = 5;

/** True where the instance does its work, or would if it had room. `tries`: probes of it in a row, this one included. */
async function probe(endpoint: Endpoint, tries: number, clock: Clock): Promise<boolean> {
  endpoint.pool.renew(); // what is known of the old connections may be what failed
  const lease = endpoint.pool.lease();
  let cancel = (_reason: MeshError): void => {};
  const cancelTimer = clock.after(PROBE_MS_MAX, () =>
    cancel(new MeshError('DEADLINE_EXCEEDED', 'the probe was not answered')),
  );
  const deadlineMs = clock.now() + PROBE_MS_MAX;
  const ask = async ({ method, request }: Synthetic): Promise<Buffer> => {
    const pending = lease.transport.unary(method, request, { deadlineMs, metadata: { 'x-plexus-probe': '1' } });
    cancel = pending.cancel;
    return (await pending.answer).response;
  };
  try {
    const { instance } = endpoint;
    const unsure = instance.capability === 'infer' && tries > ZEROS_MAX;
    await ask(unsure ? HEALTH : await synthetic(instance, ask));
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
