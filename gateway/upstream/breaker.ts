/**
 * An opossum circuit breaker per instance and capability. Opossum keeps the window and the rule that trips; it is given
 * neither our calls, our deadlines nor our capacity, all of which it would miscount (it opens on its own refusals, and a
 * filtered client error closes a half-open circuit). It is told plainly, after the fact, what was an answer and what a
 * failure. Its half-open state is not used either: a probe with synthetic input closes it (recovery.ts), never a caller's
 * request.
 */
import { EventEmitter } from 'node:events';
import CircuitBreaker from 'opossum';
import type { Clock } from '../../chassis/clock.js';
import type { MeshError } from '../../chassis/errors.js';
import type { Observer } from './endpoint.js';

/** Short, since an instance that answered for ten seconds would have to fail for five before half of a longer window has failed. */
const WINDOW_MS = 3_000;
const SLOTS = 6;
const NEVER_MS = 2 ** 31 - 1;

export interface Breaker extends Observer {
  readonly open: boolean;
  /** The probe was answered. What the window still holds counts, so that it opens again at the first failures. */
  close(): void;
  dispose(): void;
}

export interface BreakerOptions {
  name: string;
  percent: number;
  callsMin: number;
  clock: Clock;
  onOpen: () => void;
}

export function createBreaker({ name, percent, callsMin, clock, onOpen }: BreakerOptions): Breaker {
  const rotation = new EventEmitter();
  const breaker = new CircuitBreaker(
    (failure: MeshError | undefined) => (failure ? Promise.reject(failure) : ANSWERED),
    {
      name,
      timeout: false,
      resetTimeout: NEVER_MS,
      errorThresholdPercentage: percent,
      volumeThreshold: callsMin,
      rollingCountTimeout: WINDOW_MS,
      rollingCountBuckets: SLOTS,
      rollingPercentilesEnabled: false, // on, every failure sorts the window
      enableSnapshots: false, // a timer nobody listens to
      rotateBucketController: rotation, // the window turns by our clock
    },
  );
  breaker.on('open', onOpen);
  let slot = Math.floor(clock.monotonic() / (WINDOW_MS / SLOTS));

  return {
    get open() {
      return breaker.opened;
    },
    end({ verdict, error }) {
      if (verdict !== 'answered' && verdict !== 'failed') return;
      const now = Math.floor(clock.monotonic() / (WINDOW_MS / SLOTS));
      for (let steps = Math.min(now - slot, SLOTS); steps > 0; steps--) rotation.emit('rotate');
      slot = now;
      breaker.fire(verdict === 'failed' ? error : undefined).catch(ignore); // the rejection is the error that was just given
    },
    close: () => breaker.close(),
    dispose: () => breaker.shutdown(),
  };
}

const ANSWERED = Promise.resolve();
const ignore = (): void => {};
