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
const SLOT_MS = WINDOW_MS / SLOTS;
/**
 * Answers are counted here and told to opossum before the next failure, which is when it looks at its window: firing it for
 * each costs a promise and five events, as much as all other layers together. More than this many in half a second change no
 * verdict.
 */
const ANSWERS_MAX = 1_000;
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
    (failure: MeshError) => Promise.reject(failure), // only failures are fired
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
  // A method of opossum's Status that @types/opossum leaves out.
  const status = breaker.status as unknown as { increment(count: 'fires' | 'successes'): void };
  let open = false;
  breaker.on('open', () => {
    open = true;
    onOpen();
  });
  breaker.on('close', () => {
    open = false;
  });
  let slot = Math.floor(clock.monotonic() / SLOT_MS);
  let untold = 0;

  const tellAnswers = (): void => {
    for (; untold > 0; untold--) {
      status.increment('fires');
      status.increment('successes');
    }
  };
  return {
    get open() {
      return open;
    },
    end({ verdict, error, nowMs }) {
      if (verdict !== 'answered' && verdict !== 'failed') return;
      const now = Math.floor(nowMs / SLOT_MS);
      if (now !== slot) {
        tellAnswers();
        for (let steps = Math.min(now - slot, SLOTS); steps > 0; steps--) rotation.emit('rotate');
        slot = now;
      }
      if (verdict === 'answered') untold = Math.min(untold + 1, ANSWERS_MAX);
      else {
        tellAnswers();
        breaker.fire(error as MeshError).catch(ignore); // the rejection is the error that was just given
      }
    },
    close: () => breaker.close(),
    dispose: () => breaker.shutdown(),
  };
}

const ignore = (): void => {};
