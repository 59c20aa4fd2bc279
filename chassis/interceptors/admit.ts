/**
 * The door: refuses at once what the process should not begin. More calls in flight than the limit is OVERLOADED; a process
 * that drains is SHUTTING_DOWN; a deadline that has passed already is DEADLINE_EXCEEDED. Health and reflection always pass.
 */
import type { Clock } from '../clock.js';
import { MeshError } from '../errors.js';
import type { Interceptor } from './interceptor.js';

export interface Admission extends Interceptor {
  readonly inFlight: number;
  /** From now on every new call is refused. */
  close(): void;
}

export function createAdmission(options: { callsMax: number; clock: Clock }): Admission {
  let inFlight = 0;
  let closed = false;
  return {
    get inFlight() {
      return inFlight;
    },
    close() {
      closed = true;
    },
    begin(context) {
      if (context.method.startsWith('grpc.')) return () => {};
      if (closed)
        throw new MeshError('SHUTTING_DOWN', 'this process is draining and takes no new work', { retryAfterMs: 100 });
      if (context.deadlineMs <= options.clock.now()) {
        throw new MeshError('DEADLINE_EXCEEDED', 'the deadline had passed when the call arrived; give it more time');
      }
      if (inFlight >= options.callsMax) {
        throw new MeshError(
          'OVERLOADED',
          `${options.callsMax} calls are in flight, which is the limit of this process; try again later`,
          {
            retryAfterMs: 200,
            facts: { limit: String(options.callsMax) },
          },
        );
      }
      inFlight++;
      return () => {
        inFlight--;
      };
    },
  };
}
