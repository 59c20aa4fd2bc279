/** A reader that is slower than the run costs a bounded number of events. */
import assert from 'node:assert/strict';
import { EVENTS_MAX, pushEvent } from '../../../gateway/pipeline/events.js';
import type { RunStreamResponse } from '../../../protos/gen/plexus/v1/RunStreamResponse.js';

const partial = (name: string, item: number, delta: string): RunStreamResponse => ({ partial: { name, item, delta } });

describe('events that wait for their reader', () => {
  it('are kept whole up to the limit', () => {
    const waiting: RunStreamResponse[] = [];
    for (let each = 0; each < EVENTS_MAX; each++) pushEvent(waiting, partial('a', 0, 'x'));
    assert.equal(waiting.length, EVENTS_MAX);
  });

  it('beyond it are joined by step and item, and those of inner steps left out', () => {
    const waiting: RunStreamResponse[] = [partial('a', 0, 'one'), partial('a', 1, 'two')];
    while (waiting.length < EVENTS_MAX) pushEvent(waiting, { started: { name: 'b.c' } });
    pushEvent(waiting, partial('a', 0, ' more'));
    pushEvent(waiting, partial('a', 1, ' more'));
    pushEvent(waiting, { started: { name: 'b.d' } });
    pushEvent(waiting, { finished: { name: 'b.c' } });
    assert.deepEqual(waiting.slice(0, 2), [partial('a', 0, 'one more'), partial('a', 1, 'two more')]);
    assert.equal(waiting.length, EVENTS_MAX);
    pushEvent(waiting, { finished: { name: 'a' } });
    pushEvent(waiting, partial('e', 0, 'new'));
    assert.deepEqual(waiting.slice(EVENTS_MAX), [{ finished: { name: 'a' } }, partial('e', 0, 'new')]);
  });
});
