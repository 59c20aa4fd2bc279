/**
 * The events of one RunStream that its reader has not fetched yet. Those of the pipeline's own steps are kept whole, since there
 * are few. Beyond the limit, deltas are joined, step by step and item by item, and events of inner steps are left out: the last
 * event has their reports.
 */
import type { RunStreamResponse } from '../../protos/gen/plexus/v1/RunStreamResponse.js';

/** Events that wait before any is joined or left out. */
export const EVENTS_MAX = 1_000;

export function pushEvent(waiting: RunStreamResponse[], event: RunStreamResponse): void {
  const { partial, started, finished } = event;
  if (waiting.length >= EVENTS_MAX) {
    if ((started ?? finished)?.name?.includes('.')) return;
    const last = waiting.findLast(
      (each) => partial && each.partial?.name === partial.name && each.partial?.item === partial.item,
    );
    if (partial && last?.partial) {
      last.partial = { ...last.partial, delta: `${last.partial.delta}${partial.delta}` };
      return;
    }
  }
  waiting.push(event);
}
