/**
 * Single-flight and content cache, for calls that ask for it: equal bytes to the same method of the same model version are sent
 * once and answered from memory until their time is over. Which version a reference means ("", a name, an alias) is learnt from
 * answers (x-plexus-model; a version is immutable, so it stands for the digest), and emptied with the rest when the models of
 * the capability change: a rollout is seen at once, an alias that moved with the first answer that was not from memory. The
 * bytes are canonical as they are: only pipelines ask, and they write a request's fields in one order. Bounded by entries and by
 * bytes.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../chassis/clock.js';
import type { MeshError } from '../../chassis/errors.js';
import type { UpstreamCall } from './call.js';
import type { Counters } from './counters.js';
import type { Dependant, Done, Flight, Layer, Reply } from './flight.js';
import { Refusal } from './refusal.js';

export interface CacheOptions {
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

/** Bytes an entry costs beside its answer: key, map slot, objects. */
const ENTRY_BYTES = 256;
/** The trailer in which a service says which version answered. */
const MODEL_KEY = 'x-plexus-model';
/** References remembered at most: callers may make them up. */
const REFERENCES_MAX = 1_000;

export function createCache({ entriesMax, bytesMax, clock }: CacheOptions): ContentCache {
  const entries = new Map<string, Entry>(); // in order of use, oldest first
  /** Who waits for the answer of an equal call in flight. */
  const flying = new Map<string, Done<Reply>[]>();
  /** The version that a reference meant last, by capability and reference. */
  const versions = new Map<string, string>();
  let bytes = 0;

  const keyOf = ({ capability, method, model = '', request }: UpstreamCall): string => {
    const version = versions.get(`${capability} ${model}`) ?? '';
    return `${capability} ${method} ${version} ${createHash('sha256').update(request).digest('base64')}`;
  };
  /** Learns from an answer which version its reference means now. */
  const learn = ({ capability, model = '' }: UpstreamCall, { trailers }: Reply): void => {
    const version = trailers[MODEL_KEY];
    if (version === undefined) return;
    if (versions.size >= REFERENCES_MAX) versions.clear();
    versions.set(`${capability} ${model}`, version);
  };
  const drop = (key: string, entry: Entry): void => {
    entries.delete(key);
    bytes -= entry.bytes;
  };
  const keep = (key: string, reply: Reply, ttlMs: number): void => {
    const size = reply.response.length + ENTRY_BYTES;
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
      const lead = (key: string, flight: Flight, ttlMs: number, done: Done<Reply>): void => {
        counters.cacheMisses++;
        const joined: Done<Reply>[] = [];
        flying.set(key, joined);
        next(flight, (error, reply) => {
          // Cleared meanwhile: the answer is of models that are gone, and stays with those who asked for it.
          if (flying.get(key) === joined) {
            flying.delete(key);
            if (reply) {
              learn(flight.call, reply);
              keep(keyOf(flight.call), reply, ttlMs);
            }
          }
          done(error, reply);
          for (const each of joined) each(error, reply);
        });
      };
      /** Beside an equal call in flight; whichever of them is answered, the answer is kept. */
      const beside = (key: string, leader: Done<Reply>[], flight: Flight, ttlMs: number, done: Done<Reply>): void => {
        counters.cacheMisses++;
        next(flight, (error, reply) => {
          if (reply && flying.get(key) === leader) {
            learn(flight.call, reply);
            keep(keyOf(flight.call), reply, ttlMs);
          }
          done(error, reply);
        });
      };
      const answer = (key: string, flight: Flight, ttlMs: number, done: Done<Reply>): void => {
        const known = find(key);
        if (known) {
          counters.cacheHits++;
          done(undefined, { ...known, cached: true });
          return;
        }
        const joined = flying.get(key);
        if (!joined) {
          lead(key, flight, ttlMs, done);
          return;
        }
        if (flight.call.cache?.alone) {
          beside(key, joined, flight, ttlMs, done);
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
          if (error && isOwnFate(error)) answer(keyOf(flight.call), flight, ttlMs, done);
          else done(error, reply && { ...reply, cached: true });
        });
        flight.attach(dependant);
      };
      return (flight, done) => {
        const { cache } = flight.call;
        if (!cache || cache.ttlMs <= 0) return next(flight, done);
        answer(keyOf(flight.call), flight, cache.ttlMs, done);
      };
    },
    clear(capability) {
      for (const [key, entry] of entries) if (key.startsWith(`${capability} `)) drop(key, entry);
      for (const key of versions.keys()) if (key.startsWith(`${capability} `)) versions.delete(key);
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

/**
 * The one that was joined ran out of its own time, lost its own caller, or was refused before anything was sent, for its own
 * criticality or want of time: that is no other call's fate.
 */
function isOwnFate(error: MeshError): boolean {
  return error.code === 'CANCELLED' || error.code === 'DEADLINE_EXCEEDED' || error instanceof Refusal;
}

/** Bytes of their own: an answer may be a piece of all that came in one read, which would stay in memory as long as it does. */
function owned(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= bytes.length * 2) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
