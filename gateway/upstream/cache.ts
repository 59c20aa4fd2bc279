/**
 * Single-flight and content cache, for calls that ask for them or whose answer is known to depend on request and model alone:
 * equal bytes to the same method of the same model are sent once and answered from memory until their time is over. Which model
 * a reference means ("", a name, an alias) is learnt from answers: its digest where they carry it, else name@version
 * (x-plexus-model; a version is immutable); all is emptied when the models of the capability change: a rollout is seen at once,
 * an alias that moved with the first answer that was not from memory. The bytes are canonical as they are: pipelines write a
 * request's fields in one order, and so does each client library. Bounded by entries and by bytes.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../chassis/clock.js';
import type { MeshError } from '../../chassis/errors.js';
import { criticality, type UpstreamCall } from './call.js';
import type { Counters } from './counters.js';
import type { Dependant, Done, Flight, Layer, Reply } from './flight.js';
import { Refusal } from './refusal.js';
import { servedDigest } from './served.js';

export interface CacheOptions {
  /** Answer from memory. Off: calls in flight are joined all the same, where `singleFlight` is on. */
  memory: boolean;
  /** Join equal calls in flight. */
  singleFlight: boolean;
  /** For calls that are deterministic and do not say how long. 0: not from memory. */
  ttlMs: number;
  entriesMax: number;
  bytesMax: number;
  clock: Clock;
}

interface Entry {
  reply: Reply;
  untilMs: number;
  bytes: number;
}

export interface ContentCache {
  layer(counters: Counters): Layer<Reply>;
  /** Forgets the answers of a capability. */
  clear(capability: string): void;
  readonly entries: number;
  readonly bytes: number;
}

/** Bytes an entry costs beside its key and its answer: map slot, objects. */
const ENTRY_BYTES = 256;
/** The trailer in which a service says which version answered. */
const MODEL_KEY = 'x-plexus-model';
/** References remembered at most: callers may make them up. */
const REFERENCES_MAX = 1_000;
/** Requests up to this stand in the key as they are: to hash one would cost more than to compare it. */
const PLAIN_BYTES_MAX = 512;

export function createCache(options: CacheOptions): ContentCache {
  const { memory, singleFlight, entriesMax, bytesMax, clock } = options;
  const entries = new Map<string, Entry>(); // in order of use, oldest first
  /** Who waits for the answer of an equal call in flight. */
  const flying = new Map<string, Done<Reply>[]>();
  /** The model that a reference meant last, by capability and reference. */
  const models = new Map<string, string>();
  let bytes = 0;

  const keyOf = ({ capability, method, model = '' }: UpstreamCall, content: string): string =>
    `${capability} ${method} ${models.get(`${capability} ${model}`) ?? ''} ${content}`;
  /** Learns from an answer which model its reference means now. */
  const learn = ({ capability, model = '' }: UpstreamCall, { response, trailers }: Reply): void => {
    const meant = servedDigest(response) ?? trailers[MODEL_KEY];
    if (meant === undefined) return;
    if (models.size >= REFERENCES_MAX) models.clear();
    models.set(`${capability} ${model}`, meant);
  };
  const drop = (key: string, entry: Entry): void => {
    entries.delete(key);
    bytes -= entry.bytes;
  };
  const keep = (key: string, reply: Reply, ttlMs: number): void => {
    const size = reply.response.length + key.length + ENTRY_BYTES;
    const old = entries.get(key);
    if (old) drop(key, old);
    if (size > bytesMax) return;
    entries.set(key, {
      reply: { ...reply, response: owned(reply.response) },
      untilMs: clock.monotonic() + ttlMs,
      bytes: size,
    });
    bytes += size;
    for (const [oldest, entry] of entries) {
      if (entries.size <= entriesMax && bytes <= bytesMax) break;
      drop(oldest, entry);
    }
  };
  const find = (key: string): Reply | undefined => {
    const entry = entries.get(key);
    if (!entry) return undefined;
    drop(key, entry);
    if (entry.untilMs <= clock.monotonic()) return undefined;
    entries.set(key, entry);
    bytes += entry.bytes;
    return entry.reply;
  };

  return {
    layer: (counters) => (next) => {
      const lead = (flight: Flight, seat: Seat, done: Done<Reply>): void => {
        const { key, content, ttlMs } = seat;
        if (ttlMs > 0) counters.cacheMisses++;
        const joined: Done<Reply>[] = [];
        if (singleFlight) flying.set(key, joined);
        next(flight, (error, reply) => {
          // Cleared meanwhile: the answer is of models that are gone, and stays with those who asked for it.
          const current = !singleFlight || flying.get(key) === joined;
          if (singleFlight && current) flying.delete(key);
          if (reply && current && ttlMs > 0) {
            learn(flight.call, reply);
            keep(keyOf(flight.call, content), reply, ttlMs);
          }
          done(error, reply);
          for (const each of joined) each(error, reply);
        });
      };
      /** Beside an equal call in flight; whichever of them is answered, the answer is kept. */
      const beside = (flight: Flight, seat: Seat, leader: Done<Reply>[], done: Done<Reply>): void => {
        if (seat.ttlMs > 0) counters.cacheMisses++;
        next(flight, (error, reply) => {
          if (reply && seat.ttlMs > 0 && flying.get(seat.key) === leader) {
            learn(flight.call, reply);
            keep(keyOf(flight.call, seat.content), reply, seat.ttlMs);
          }
          done(error, reply);
        });
      };
      const answer = (flight: Flight, seat: Seat, done: Done<Reply>): void => {
        const known = seat.ttlMs > 0 ? find(keyOf(flight.call, seat.content)) : undefined;
        if (known) {
          counters.cacheHits++;
          done(undefined, { ...known, cached: true });
          return;
        }
        const joined = flying.get(seat.key);
        if (!joined) {
          lead(flight, seat, done);
          return;
        }
        if (flight.call.cache?.alone) {
          beside(flight, seat, joined, done);
          return;
        }
        counters.cacheJoined++;
        let over = false;
        const dependant: Dependant = {
          cancel(reason) {
            over = true;
            done(reason, undefined);
          },
        };
        joined.push((error, reply) => {
          if (over) return;
          flight.detach(dependant);
          flight.nowMs = clock.monotonic();
          // The one that was joined ran out of its own time or lost its own caller: that is not this call's fate.
          if (error && isOwnFate(error)) answer(flight, seat, done);
          else if (error && !seat.again && isOwnRefusal(error)) answer(flight, { ...seat, again: true }, done);
          else done(error, reply && { ...reply, cached: true });
        });
        flight.attach(dependant);
      };
      return (flight, done) => {
        const { call } = flight;
        const ttlMs = memory ? (call.cache?.ttlMs ?? (call.deterministic ? options.ttlMs : 0)) : 0;
        const shared = call.deterministic === true || (call.cache?.ttlMs ?? 0) > 0;
        if (ttlMs <= 0 && !(singleFlight && shared)) return next(flight, done);
        const content = contentOf(call.request);
        // By criticality: who is more critical does not wait in the place of who is less.
        const key = `${call.capability} ${call.method} ${criticality(call)} ${content}`;
        answer(flight, { key, content, ttlMs, again: false }, done);
      };
    },
    clear(capability) {
      for (const [key, entry] of entries) if (key.startsWith(`${capability} `)) drop(key, entry);
      for (const key of models.keys()) if (key.startsWith(`${capability} `)) models.delete(key);
      for (const key of flying.keys()) if (key.startsWith(`${capability} `)) flying.delete(key);
    },
    get entries() {
      return entries.size;
    },
    get bytes() {
      return bytes;
    },
  };
}

/** What is known of a call that may be joined. */
interface Seat {
  /** Of calls in flight that are equal to it. */
  key: string;
  content: string;
  /** 0: not from memory. */
  ttlMs: number;
  /** One that it had joined was refused. */
  again: boolean;
}

function contentOf(request: Buffer): string {
  if (request.length <= PLAIN_BYTES_MAX) return `= ${request.toString('latin1')}`;
  return `# ${createHash('sha256').update(request).digest('base64')}`;
}

/** The one that was joined ran out of its own time or lost its own caller: that is no other call's fate. */
function isOwnFate(error: MeshError): boolean {
  return error.code === 'CANCELLED' || error.code === 'DEADLINE_EXCEEDED';
}

/**
 * It was refused before it was sent, by chance or for want of time. Others may fare better, and try once: a crowd whose leaders
 * are refused one after the other would wait as often as there are leaders.
 */
function isOwnRefusal(error: MeshError): boolean {
  return error instanceof Refusal && (error.layer === 'bulkhead' || error.layer === 'throttle');
}

/** Bytes of their own: an answer may be a piece of all that came in one read, which would stay in memory as long as it does. */
function owned(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= bytes.length * 2) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
