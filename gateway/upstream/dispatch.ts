/**
 * The bottom of the call stack: picks an instance and sends. Nothing is sent once the deadline has passed or the caller has
 * left. Picking and beginning happen before the first await, so the layer above knows at once which attempt it started.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import type { Balance } from './balance.js';
import type { Begun } from './endpoint.js';
import type { Flight, Reply, Result, Send } from './flight.js';
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
  clock: Clock;
  /** Hears of the time each answered attempt took. */
  record: (method: string, ms: number) => void;
  /** Hears of errors that say something about where the instance stands. */
  onError: (begun: Begun, error: MeshError) => void;
}

/** Picks, begins, sends. */
function launch<R>(
  flight: Flight,
  options: DispatchOptions,
  send: (begun: Begun, lease: Lease) => Promise<R>,
): Promise<R> {
  const { balance, clock } = options;
  if (flight.ended) return Promise.reject(flight.ended);
  if (flight.settled) return Promise.reject(new MeshError('CANCELLED', 'the call has been answered'));
  if (flight.deadlineMs <= clock.now()) {
    return Promise.reject(
      new MeshError('DEADLINE_EXCEEDED', `the deadline passed before ${flight.call.capability} was called`),
    );
  }
  try {
    const begun = balance.pick(flight).begin(flight);
    return send(begun, begun.endpoint.pool.lease());
  } catch (error) {
    return Promise.reject(error);
  }
}

export function sendUnary(options: DispatchOptions): Send<Reply> {
  return (flight) =>
    launch(flight, options, (begun, lease) => {
      const { method, request, metadata } = flight.call;
      const pending = lease.transport.unary(method, request, { deadlineMs: flight.deadlineMs, metadata });
      begun.onCancel((reason) => pending.cancel(reason));
      return pending.answer.then(
        ({ response, trailers }) => {
          lease.release(false);
          begun.heard();
          options.record(method, options.clock.monotonic() - begun.startedMs);
          begun.end(undefined);
          return { response, trailers, instance: begun.endpoint.id, cached: false };
        },
        (thrown) => {
          const error = settle(begun, lease, thrown);
          options.onError(begun, error);
          throw error;
        },
      );
    });
}

/** Resolves with the first message, so that what fails before it can be sent again. */
export function sendServerStream(options: DispatchOptions): Send<OpenStream> {
  return (flight) =>
    launch(flight, options, async (begun, lease) => {
      const { method, request, metadata } = flight.call;
      const stream = openStream(
        begun,
        lease,
        options,
        lease.transport.serverStream(method, request, { deadlineMs: flight.deadlineMs, metadata }),
      );
      const first = await stream.next();
      options.record(method, options.clock.monotonic() - begun.startedMs);
      return {
        ...stream,
        first,
        get trailers() {
          return stream.trailers;
        },
      };
    });
}

/** Resolves at once: the first answer may wait for requests that are yet to come. */
export function sendBidi(requests: AsyncIterable<Buffer>, options: DispatchOptions): Send<OpenStream> {
  return (flight) =>
    launch(flight, options, (begun, lease) => {
      const { method, metadata } = flight.call;
      return Promise.resolve(
        openStream(
          begun,
          lease,
          options,
          lease.transport.bidi(method, requests, { deadlineMs: flight.deadlineMs, metadata }),
        ),
      );
    });
}

function openStream(begun: Begun, lease: Lease, options: DispatchOptions, pending: PendingStream): OpenStream {
  begun.onCancel((reason) => pending.cancel(reason));
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
          begun.heard();
          if (result.done) {
            over = true;
            lease.release(false);
            begun.end(undefined);
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
      begun.end(left);
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
  begun.end(error);
  return error;
}
