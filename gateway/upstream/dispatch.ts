/**
 * The bottom of the call stack: picks an instance and sends. Nothing is sent once the deadline has passed or the caller has
 * left. Picking and beginning happen before the first await, so the layer above knows at once which attempt it started.
 */
import { MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import type { Balance } from './balance.js';
import type { Begun } from './endpoint.js';
import type { Done, Flight, Reply, Result, Send } from './flight.js';
import type { Lease } from './pool.js';
import type { PendingStream } from './transport.js';

/** A stream whose first message has come, or (bidi) that was opened. */
export interface OpenStream extends Result {
  /** The first message; undefined where it was not waited for. */
  readonly first: IteratorResult<Buffer> | undefined;
  next(): Promise<IteratorResult<Buffer>>;
  /** Ends the stream; cancels it where it has not ended. */
  close(): void;
  readonly trailers: Readonly<Record<string, string>>;
  readonly ended: Promise<MeshError | undefined>;
}

export interface DispatchOptions {
  balance: Balance;
  /** Hears of the time each answered attempt took. */
  record: (method: string, ms: number, nowMs: number) => void;
  /** Hears of errors that say something about where the instance stands. */
  onError: (begun: Begun, error: MeshError) => void;
}

/** Picks, begins, sends; what cannot be sent is done at once. */
function launch<R extends Result>(
  flight: Flight,
  options: DispatchOptions,
  done: Done<R>,
  send: (begun: Begun, lease: Lease, done: Done<R>) => void,
): void {
  let begun: Begun;
  let lease: Lease;
  try {
    if (flight.ended) throw flight.ended;
    if (flight.settled) throw new MeshError('CANCELLED', 'the call has been answered');
    if (flight.dueMs <= flight.nowMs)
      throw new MeshError('DEADLINE_EXCEEDED', `the deadline passed before ${flight.call.capability} was called`);
    begun = options.balance.pick(flight).begin(flight);
    lease = begun.endpoint.pool.lease();
  } catch (error) {
    done(toMeshError(error), undefined);
    return;
  }
  send(begun, lease, done);
}

/** A mistake in a layer ends its own call, not the process (a throw in a callback is nobody's to catch). */
function tell<R extends Result>(
  flight: Flight,
  done: Done<R>,
  error: MeshError | undefined,
  result: R | undefined,
): void {
  try {
    done(error, result);
  } catch (mistake) {
    flight.end(toMeshError(mistake));
  }
}

export function sendUnary(options: DispatchOptions): Send<Reply> {
  const send = (begun: Begun, lease: Lease, done: Done<Reply>): void => {
    const { flight } = begun;
    const { method, request, metadata } = flight.call;
    const pending = lease.transport.unary(method, request, { deadlineMs: flight.deadlineMs, metadata });
    begun.sent(pending, true);
    pending.answer.then(
      ({ response, trailers }) => {
        lease.release(false);
        const nowMs = begun.heard();
        options.record(method, nowMs - begun.startedMs, nowMs);
        begun.endpoint.heardTrailers(trailers, nowMs);
        begun.end(undefined, nowMs);
        tell(flight, done, undefined, { response, trailers, instance: begun.endpoint.id, cached: false });
      },
      (thrown) => {
        const error = settle(begun, lease, thrown);
        options.onError(begun, error);
        tell(flight, done, error, undefined);
      },
    );
  };
  return (flight, done) => launch(flight, options, done, send);
}

/** Done with the first message, so that what fails before it can be sent again. */
export function sendServerStream(options: DispatchOptions): Send<OpenStream> {
  const send = (begun: Begun, lease: Lease, done: Done<OpenStream>): void => {
    const { flight } = begun;
    const { method, request, metadata } = flight.call;
    const stream = openStream(
      begun,
      lease,
      options,
      lease.transport.serverStream(method, request, { deadlineMs: flight.deadlineMs, metadata }),
    );
    stream.next().then(
      (first) => {
        const nowMs = begun.endpoint.nowMs();
        flight.nowMs = nowMs;
        options.record(method, nowMs - begun.startedMs, nowMs);
        tell(flight, done, undefined, {
          ...stream,
          first,
          get trailers() {
            return stream.trailers;
          },
        });
      },
      (error) => tell(flight, done, toMeshError(error), undefined),
    );
  };
  return (flight, done) => launch(flight, options, done, send);
}

/** Done at once: the first answer may wait for requests that are yet to come. */
export function sendBidi(requests: AsyncIterable<Buffer>, options: DispatchOptions): Send<OpenStream> {
  const send = (begun: Begun, lease: Lease, done: Done<OpenStream>): void => {
    const { method, metadata } = begun.flight.call;
    const { deadlineMs } = begun.flight;
    const pending = lease.transport.bidi(method, requests, { deadlineMs, metadata });
    done(undefined, openStream(begun, lease, options, pending));
  };
  return (flight, done) => launch(flight, options, done, send);
}

function openStream(begun: Begun, lease: Lease, options: DispatchOptions, pending: PendingStream): OpenStream {
  begun.sent(pending, false); // its reader waits for the cancellation
  const iterator = pending.messages[Symbol.asyncIterator]();
  let end!: (error: MeshError | undefined) => void;
  const ended = new Promise<MeshError | undefined>((resolve) => {
    end = resolve;
  });
  let over = false;
  return {
    instance: begun.endpoint.id,
    first: undefined,
    ended,
    get trailers() {
      return pending.trailers;
    },
    async next() {
      try {
        const result = await iterator.next();
        if (!over) {
          const nowMs = begun.heard();
          if (result.done) {
            over = true;
            lease.release(false);
            begun.endpoint.heardTrailers(pending.trailers, nowMs);
            begun.end(undefined, nowMs);
            end(undefined);
          }
        }
        return result;
      } catch (thrown) {
        const error = settle(begun, lease, thrown);
        if (!over) options.onError(begun, error);
        over = true;
        end(error);
        throw error;
      }
    },
    close() {
      if (over) return;
      over = true;
      const left = new MeshError('CANCELLED', 'the reader left');
      pending.cancel(left);
      lease.release(true);
      begun.end(left, begun.endpoint.nowMs());
      end(left);
      void Promise.resolve(iterator.return?.()).catch(() => {}); // its error is the cancellation just made
    },
  };
}

/** The attempt is over with an error: gives its place back and tells the observers. */
function settle(begun: Begun, lease: Lease, thrown: unknown): MeshError {
  const error = toMeshError(thrown);
  // Cut by us, or at the deadline, where both sides cut at once: counted as a reset.
  lease.release(begun.cancelled !== undefined || error.code === 'CANCELLED' || error.code === 'DEADLINE_EXCEEDED');
  begun.end(error, begun.endpoint.nowMs());
  return error;
}
