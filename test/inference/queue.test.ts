import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { MeshError } from '../../chassis/errors.js';
import { USUAL_COST } from '../../inference/batcher.js';
import { createQueue, type PushOptions, type Queue, type QueueOptions } from '../../inference/queue.js';
import { LED_IN_ROW } from '../../inference/seats.js';
import { createVirtualClock, type VirtualClock } from '../kit/clock.js';

interface Text {
  weight: number;
  identity(): Uint8Array[];
  name: string;
}

const text = (tokens: number, name = ''): Text => ({ weight: tokens, identity: () => [], name });
const never = (): AbortSignal => new AbortController().signal;
const forever: PushOptions = {
  signal: never(),
  deadlineMs: Number.POSITIVE_INFINITY,
  tenant: 'default',
  criticality: 'default',
};
setMaxListeners(0, forever.signal); // every request of the suite listens to it

describe('the queue', () => {
  let clock: VirtualClock;
  let dropped: number;
  let shed: PushOptions[];

  function create(changes: Partial<QueueOptions> = {}): Queue<Text, string> {
    clock = createVirtualClock();
    dropped = 0;
    shed = [];
    return createQueue<Text, string>({
      name: 'm@1',
      units: { items: 'texts', weight: 'tokens' },
      entriesMax: 10,
      tokensMax: 1_000,
      windowMax: 4,
      batch: { tokensMax: 100, rowsMax: 8 },
      clock,
      drainMs: () => undefined,
      batchCost: () => USUAL_COST,
      tenantsMax: 4,
      tenantShares: new Map(),
      onEnter: () => {},
      onShed: (request) => shed.push(request),
      onDrop: (count) => {
        dropped += count;
      },
      ...changes,
    });
  }

  const serve = (queue: Queue<Text, string>): string[] => {
    const batch = queue.take();
    for (const { group, index, item } of batch) group.settle(index, item.name);
    return batch.map(({ item }) => item.name);
  };

  it('answers a request in its own order, though its texts entered in order of length', async () => {
    const queue = create({ windowMax: 1 });
    const answered = queue.push([text(9, 'long'), text(1, 'short'), text(5, 'middle')], forever);
    assert.deepEqual([serve(queue), serve(queue), serve(queue), serve(queue)], [['short'], ['middle'], ['long'], []]);
    assert.deepEqual(await answered, ['long', 'short', 'middle']);
  });

  it('is empty of entries and tokens when all have been taken', () => {
    const queue = create();
    for (const tokens of [5, 50, 5, 70, 5]) void queue.push([text(tokens)], forever);
    assert.deepEqual([queue.length, queue.tokens], [5, 135]);
    while (serve(queue).length > 0);
    assert.deepEqual([queue.length, queue.tokens], [0, 0]);
  });

  it('keeps the order of those who stay behind', () => {
    const queue = create();
    const table = [
      ['a', 80],
      ['b', 5],
      ['c', 6],
      ['d', 7],
      ['e', 90],
    ] as const;
    for (const [name, tokens] of table) void queue.push([text(tokens, name)], forever);
    assert.deepEqual(serve(queue), ['a']);
    assert.deepEqual(serve(queue), ['b', 'c', 'd']);
    assert.deepEqual(serve(queue), ['e']);
  });

  it('lets requests take turns, so that a large one holds up nobody', () => {
    const queue = create({ entriesMax: 1_000, tokensMax: 1e6, windowMax: 64 });
    void queue.push(
      Array.from({ length: 100 }, () => text(60, 'large')),
      forever,
    );
    assert.deepEqual(serve(queue), ['large']);
    void queue.push([text(90, 'small')], forever);
    void queue.push([text(95, 'other')], forever);
    const order = Array.from({ length: 5 }, () => serve(queue)[0]);
    assert.deepEqual(order, ['small', 'other', 'large', 'large', 'large']);
  });

  it('starves nobody: a text leads at the latest after as many turns of all requests as stand before it in its own, and the first turns of all', () => {
    const arrival = fc.record({
      at: fc.nat(40),
      sizes: fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 12 }),
    });
    fc.assert(
      fc.property(fc.array(arrival, { minLength: 1, maxLength: 20 }), (arrivals) => {
        const queue = create({ entriesMax: 1e6, tokensMax: 1e9, windowMax: 16 });
        const came = new Map<string, number>();
        const rounds = (name: string): number => Number(name.split('/')[1]) + 1;
        for (let batch = 0; batch <= 40 || queue.length > 0; batch++) {
          for (const [request, { at, sizes }] of arrivals.entries()) {
            if (at !== batch) continue;
            const sorted = [...sizes].sort((a, b) => a - b);
            void queue.push(
              sorted.map((tokens, place) => text(tokens, `${request}/${place}`)),
              forever,
            );
            for (const place of sorted.keys()) came.set(`${request}/${place}`, batch);
          }
          for (const name of serve(queue)) {
            const waited = batch - (came.get(name) as number) + 1;
            assert.ok(waited <= LED_IN_ROW * (rounds(name) + 1) * arrivals.length, `${name} waited ${waited} batches`);
            came.delete(name);
          }
        }
        assert.equal(came.size, 0);
      }),
    );
  });

  it('refuses a request beyond its limit of entries, whole, and says when to come back', async () => {
    const queue = create({ drainMs: () => 321.5 });
    for (let i = 0; i < 9; i++) void queue.push([text(1)], forever);
    await assert.rejects(queue.push([text(1), text(1)], forever), (error: MeshError) => {
      assert.equal(error.code, 'QUEUE_FULL');
      assert.equal(error.retryAfterMs, 322);
      return true;
    });
    assert.equal(queue.length, 9);
    void queue.push([text(1)], forever);
    assert.equal(queue.length, 10);
  });

  it('refuses a request beyond its limit of tokens, but takes any that finds it empty', async () => {
    const queue = create();
    void queue.push([text(5_000)], forever);
    await assert.rejects(queue.push([text(1)], forever), { code: 'QUEUE_FULL' });
  });

  it('frees the place of a caller who left at once, and never runs its texts', async () => {
    const queue = create();
    const controller = new AbortController();
    const left = queue.push([text(3, 'x'), text(4, 'y')], { ...forever, signal: controller.signal });
    void queue.push([text(5, 'z')], forever);
    controller.abort(new MeshError('CANCELLED', 'gone'));
    await assert.rejects(left, { code: 'CANCELLED' });
    assert.deepEqual([queue.length, queue.tokens, dropped], [1, 5, 2]);
    assert.deepEqual(serve(queue), ['z']);
  });

  it('never runs a text whose deadline has passed', async () => {
    const queue = create();
    const late = queue.push([text(3, 'late')], { ...forever, deadlineMs: clock.now() + 100 });
    void queue.push([text(3, 'in time')], { ...forever, deadlineMs: clock.now() + 101 });
    await clock.advance(100);
    assert.deepEqual(serve(queue), ['in time']);
    await assert.rejects(late, { code: 'DEADLINE_EXCEEDED' });
    assert.equal(dropped, 1);
  });

  it('refuses who comes with an aborted signal', async () => {
    const queue = create();
    await assert.rejects(queue.push([text(1)], { ...forever, signal: AbortSignal.abort() }), { code: 'CANCELLED' });
    assert.equal(queue.length, 0);
  });

  it('does not grow when callers come and leave while no worker takes anything', async () => {
    const queue = create({ entriesMax: 100 });
    void queue.push([text(1, 'stays')], forever);
    for (let i = 0; i < 5_000; i++) {
      const controller = new AbortController();
      const left = queue.push([text(1)], { ...forever, signal: controller.signal });
      controller.abort();
      await assert.rejects(left);
    }
    assert.deepEqual([queue.length, queue.tokens, dropped], [1, 1, 5_000]);
    assert.deepEqual(serve(queue), ['stays']);
  });

  it('runs what was put back first, as the batch it was', () => {
    const queue = create();
    for (const name of ['a', 'b']) void queue.push([text(5, name)], forever);
    const batch = queue.take();
    void queue.push([text(5, 'c')], forever);
    for (const entry of batch) queue.putBack([entry]);
    assert.deepEqual([queue.length, queue.tokens], [3, 15]);
    assert.deepEqual([serve(queue), serve(queue), serve(queue)], [['a'], ['b'], ['c']]);
  });

  it('fails everybody when it closes', async () => {
    const queue = create();
    const waiting = [queue.push([text(1)], forever), queue.push([text(2), text(3)], forever)];
    queue.close(new MeshError('SHUTTING_DOWN', 'closing'));
    for (const each of waiting) await assert.rejects(each, { code: 'SHUTTING_DOWN' });
    assert.deepEqual([queue.length, queue.tokens, queue.take()], [0, 0, []]);
  });
});
