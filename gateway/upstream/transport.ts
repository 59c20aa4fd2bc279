/**
 * One connection to one instance, as the pool uses it: bytes in, bytes out, a handle that cancels. Made over the chassis' own
 * HTTP/2 client, or over its grpc-js channel, with the same errors either way; tests put a scripted one in its place.
 */
import { type Answer, type CallSettings, createChannel, type Method } from '../../chassis/channel.js';
import { type Clock, systemClock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { createHttp2Client } from '../../chassis/http2/client.js';
import type { StreamCall } from '../../chassis/http2/client-call.js';
import { isServiceError, wordsFor } from '../../chassis/status.js';
import { plainText, type TlsSettings } from '../../chassis/tls.js';

/** A unary call under way. */
export interface Pending {
  readonly answer: Promise<Answer<Buffer>>;
  /** Ends it; `answer` rejects with `reason` unless it has settled. */
  cancel(reason: MeshError): void;
}

/** A stream under way. */
export interface PendingStream {
  readonly messages: AsyncIterable<Buffer>;
  /** Filled in once the stream has ended. */
  readonly trailers: Readonly<Record<string, string>>;
  cancel(reason: MeshError): void;
}

export interface SendOptions {
  /** Milliseconds since the epoch. */
  deadlineMs: number;
  metadata: Readonly<Record<string, string>> | undefined;
}

/** Methods are full names: "plexus.v1.Embed/Embed". */
export interface Transport {
  unary(method: string, request: Buffer, options: SendOptions): Pending;
  serverStream(method: string, request: Buffer, options: SendOptions): PendingStream;
  bidi(method: string, requests: AsyncIterable<Buffer>, options: SendOptions): PendingStream;
  close(): void;
}

/** Opens a connection to "host:port". Must not throw: what fails shows in the calls. */
export type Connect = (address: string) => Transport;

/** Bytes of the largest answer; a service refuses requests by its own limit. */
const MESSAGE_BYTES_MAX = 64 * 2 ** 20;

const same = (bytes: Buffer): Buffer => bytes;
const methods = new Map<string, Method<Buffer, Buffer>>();

function method(name: string): Method<Buffer, Buffer> {
  let known = methods.get(name);
  if (!known) {
    known = { path: `/${name}`, requestSerialize: same, responseDeserialize: same };
    methods.set(name, known); // bounded: names come from the contract, never from callers
  }
  return known;
}

/** Over our own HTTP/2 client: a call costs a fifth of what it does over grpc-js (bench/results/gateway.md). */
export function createHttp2Transport(
  address: string,
  options: { tls?: TlsSettings | undefined; clock?: Clock; random?: () => number } = {},
): Transport {
  const client = createHttp2Client(address, {
    tls: options.tls ?? plainText,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    messageBytesMax: MESSAGE_BYTES_MAX,
  });
  const stream = (call: StreamCall): PendingStream => ({
    messages: call.messages,
    get trailers() {
      return call.trailers;
    },
    cancel: (reason) => call.cancel(reason),
  });
  return {
    unary: (name, request, given) => client.unary(`/${name}`, request, given),
    serverStream: (name, request, given) => stream(client.stream(`/${name}`, request, given)),
    bidi: (name, requests, given) => stream(client.stream(`/${name}`, requests, given)),
    close: () => client.close(),
  };
}

/** Over grpc-js. */
export function createGrpcTransport(address: string, options: { tls?: TlsSettings | undefined } = {}): Transport {
  const channel = createChannel(address, { tls: options.tls ?? plainText, messageBytesMax: MESSAGE_BYTES_MAX });
  const settings = ({ deadlineMs, metadata }: SendOptions, signal: AbortSignal): CallSettings => ({
    deadlineMs,
    metadata,
    signal,
  });
  const stream = (open: (settings: CallSettings) => AsyncIterable<Buffer>, given: SendOptions): PendingStream => {
    const controller = new AbortController();
    let trailers: Readonly<Record<string, string>> = {};
    const messages = open({
      ...settings(given, controller.signal),
      onTrailers: (received) => {
        trailers = received;
      },
    });
    return {
      messages: reworded(messages),
      get trailers() {
        return trailers;
      },
      cancel: (reason) => controller.abort(reason),
    };
  };
  return {
    unary(name, request, given) {
      const controller = new AbortController();
      return {
        answer: channel.unary(method(name), request, settings(given, controller.signal)).catch(reword),
        cancel: (reason) => controller.abort(reason),
      };
    },
    serverStream: (name, request, given) => stream((made) => channel.serverStream(method(name), request, made), given),
    bidi: (name, requests, given) => stream((made) => channel.bidi(method(name), requests, made), given),
    close: () => channel.close(),
  };
}

function reword(error: unknown): never {
  const words = error instanceof MeshError && isServiceError(error.cause) ? wordsFor(error.code) : undefined;
  throw words === undefined ? error : new MeshError((error as MeshError).code, words, { cause: error });
}

async function* reworded(messages: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* messages;
  } catch (error) {
    reword(error);
  }
}
