/**
 * Is it the instance that is bad, or the request? One request that breaks whoever runs it, sent again and again by a caller
 * who retries, would look like an instance that fails, and eject one after the other. So a request that failed inside an
 * instance is remembered, and its further failures, there or elsewhere, count against nobody until it has been answered: what
 * one instance answers and another does not is the instance's fault after all. A request that failed on two instances is not
 * sent to a third.
 */
import { createHash } from 'node:crypto';
import type { MeshError } from '../../chassis/errors.js';
import type { UpstreamCall } from './call.js';

export interface Poison {
  /**
   * The request failed inside the instance. `charged`: it counts against the instance. `poisonous`: it has failed on two or
   * more, and would fail elsewhere.
   */
  failed(call: UpstreamCall, instance: string, nowMs: number): { charged: boolean; poisonous: boolean };
  /** The request was answered. */
  answered(call: UpstreamCall): void;
  /** Requests remembered. */
  readonly size: number;
}

/** Requests remembered at most; the oldest is forgotten first. */
const REQUESTS_MAX = 1_000;
const REMEMBERED_MS = 60_000;

/** Failures that a request can cause: not a line that broke, which says nothing about what it carried. */
export function isInside(error: MeshError | undefined): boolean {
  return error?.code === 'INTERNAL' || error?.code === 'WORKER_LOST' || error?.code === 'UPSTREAM_INVALID';
}

export function createPoison(): Poison {
  const suspects = new Map<string, { instances: Set<string>; bytes: number; untilMs: number }>(); // oldest first
  /** How many suspects have so many bytes: answers are hashed only where one could be meant. */
  const lengths = new Map<number, number>();

  const forget = (key: string): void => {
    const suspect = suspects.get(key);
    if (!suspect) return;
    suspects.delete(key);
    const left = (lengths.get(suspect.bytes) ?? 0) - 1;
    if (left > 0) lengths.set(suspect.bytes, left);
    else lengths.delete(suspect.bytes);
  };
  return {
    failed(call, instance, nowMs) {
      for (const [key, { untilMs }] of suspects) {
        if (untilMs > nowMs) break;
        forget(key);
      }
      const key = keyOf(call);
      const known = suspects.get(key);
      if (known) {
        known.instances.add(instance);
        return { charged: false, poisonous: known.instances.size > 1 };
      }
      const bytes = call.request.length;
      suspects.set(key, { instances: new Set([instance]), bytes, untilMs: nowMs + REMEMBERED_MS });
      lengths.set(bytes, (lengths.get(bytes) ?? 0) + 1);
      if (suspects.size > REQUESTS_MAX) forget(suspects.keys().next().value as string);
      return CHARGED;
    },
    answered(call) {
      if (lengths.has(call.request.length)) forget(keyOf(call));
    },
    get size() {
      return suspects.size;
    },
  };
}

const CHARGED = { charged: true, poisonous: false };

const keyOf = ({ method, request }: UpstreamCall): string =>
  `${method} ${createHash('sha256').update(request).digest('base64')}`;
