/** Tenants and criticality in the queue: who leads, who gives way, and that nobody waits for ever. */
import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { CRITICALITIES, type Criticality } from '../../chassis/caller.js';
import type { MeshError } from '../../chassis/errors.js';
import { USUAL_COST } from '../../inference/batcher.js';
import { createQueue, type PushOptions, type Queue, type QueueOptions } from '../../inference/queue.js';
import { LED_IN_ROW, PATIENCE } from '../../inference/seats.js';
import { createVirtualClock } from '../kit/clock.js';

interface Text {
  weight: number;
  identity(): Uint8Array[];
  name: string;
}

const text = (tokens: number, name = ''): Text => ({ weight: tokens, identity: () => [], name });
const { signal } = new AbortController();
setMaxListeners(0, signal); // every request of the suite listens to it
const by = (tenant: string, criticality: Criticality = 'default'): PushOptions => ({
  signal,
  deadlineMs: Number.POSITIVE_INFINITY,
  tenant,
  criticality,
});

describe('tenants and criticality in the queue', () => {
  let shed: string[];

  const create = (changes: Partial<QueueOptions> = {}): Queue<Text, string> => {
    shed = [];
    return createQueue<Text, string>({
      name: 'm@1',
      units: { items: 'texts', weight: 'tokens' },
      entriesMax: 1e6,
      tokensMax: 1e9,
      windowMax: 64,
      batch: { tokensMax: 100, rowsMax: 8 },
      clock: createVirtualClock(),
      drainMs: () => 120,
      batchCost: () => USUAL_COST,
      tenantsMax: 8,
      tenantShares: new Map(),
      onEnter: () => {},
      onDrop: () => {},
      onShed: ({ tenant, criticality }) => shed.push(`${tenant}/${criticality}`),
      ...changes,
    });
  };
  const serve = (queue: Queue<Text, string>): Text[] => {
    const batch = queue.take();
    for (const { group, index, item } of batch) group.settle(index, item.name);
    return batch.map(({ item }) => item);
  };
  const order = (queue: Queue<Text, string>, batches: number): string =>
    Array.from({ length: batches }, () => serve(queue)[0]?.name).join(' ');

  it('lets tenants take turns, however many requests each has', () => {
    const queue = create();
    for (let i = 0; i < 6; i++) void queue.push([text(90, 'a')], by('a'));
    for (let i = 0; i < 2; i++) void queue.push([text(90, 'b')], by('b'));
    assert.equal(order(queue, 8), 'a b a b a a a a');
  });

  it('gives a tenant the share it was given', () => {
    const queue = create({ tenantShares: new Map([['a', 3]]) });
    for (let i = 0; i < 12; i++) void queue.push([text(90, 'a')], by('a'));
    for (let i = 0; i < 12; i++) void queue.push([text(90, 'b')], by('b'));
    const served = order(queue, 12).split(' ');
    assert.equal(served.filter((name) => name === 'a').length, 9);
  });

  it('saves no shares up for a tenant that was away', () => {
    const queue = create();
    for (let i = 0; i < 20; i++) void queue.push([text(90, 'a')], by('a'));
    assert.equal(order(queue, 10), 'a a a a a a a a a a');
    for (let i = 0; i < 4; i++) void queue.push([text(90, 'b')], by('b'));
    assert.equal(order(queue, 6), 'b a b a b a');
  });

  it('takes the more critical of a tenant first, and lets equals take turns', () => {
    const queue = create();
    const table = ['sheddable', 'default', 'critical', 'default', 'critical'] as const;
    for (const [index, criticality] of table.entries())
      void queue.push([text(90, `${criticality[0]}${index}`)], by('a', criticality));
    assert.equal(order(queue, 5), 'c2 c4 d1 d3 s0');
  });

  it('lets a single text go before the next batch of a request that has begun, which goes on all the same', () => {
    const queue = create();
    void queue.push(
      Array.from({ length: 9 }, () => text(90, 'bulk')),
      by('a'),
    );
    assert.equal(order(queue, 1), 'bulk');
    for (let i = 0; i < 5; i++) void queue.push([text(95, `s${i}`)], by('a'));
    assert.equal(order(queue, 8), 's0 s1 bulk s2 s3 s4 bulk bulk');
  });

  it('serves a small request to its end before one that came later, however unlike its texts are', () => {
    const queue = create();
    void queue.push(
      [2, 30, 60].map((tokens) => text(tokens, 'first')),
      by('a'),
    );
    for (const name of ['s0', 's1']) void queue.push([text(95, name)], by('a'));
    assert.equal(order(queue, 4), 'first first s0 s1');
    // Not for ever: texts of which no two go together take turns after LED_IN_ROW batches.
    const alone = create({ batch: { tokensMax: 100, rowsMax: 1 } });
    void alone.push(
      Array.from({ length: 2 * LED_IN_ROW }, () => text(1, 'many')),
      by('a'),
    );
    void alone.push([text(1, 'one')], by('a'));
    const served = order(alone, 2 * LED_IN_ROW + 1).split(' ');
    assert.equal(served.indexOf('one'), LED_IN_ROW);
  });

  it('does not let a tenant gain by calling everything critical', () => {
    const queue = create();
    for (let i = 0; i < 4; i++) void queue.push([text(90, 'a')], by('a', 'critical'));
    for (let i = 0; i < 4; i++) void queue.push([text(90, 'b')], by('b', 'sheddable'));
    assert.equal(order(queue, 8), 'a b a b a b a b');
  });

  it('lets tenants beyond those it tells apart share one place', () => {
    const queue = create({ tenantsMax: 2 });
    for (const tenant of ['a', 'b', 'c', 'd'])
      for (let i = 0; i < 3; i++) void queue.push([text(90, tenant)], by(tenant));
    // "a" and what the first tenant beyond the limit found: b, and c and d together.
    const served = order(queue, 12).split(' ');
    assert.deepEqual(served.slice(0, 6).filter((name) => name === 'a').length >= 2, true);
    assert.equal(new Set(served).size, 4);
    assert.equal(queue.length, 0);
  });

  it('serves tenants that all want more than there is by their shares, within a few batches', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 40, maxLength: 80 });
    fc.assert(
      fc.property(fc.array(lengths, { minLength: 2, maxLength: 4 }), fc.boolean(), (demands, single) => {
        const shares = new Map(demands.map((_, tenant) => [`t${tenant}`, tenant + 1]));
        const queue = create({ tenantShares: shares, windowMax: 32 });
        const left = demands.map((tokens) => tokens.length);
        for (const [tenant, tokens] of demands.entries()) {
          const texts = tokens.map((each) => text(each, `t${tenant}`));
          if (single) for (const each of texts) void queue.push([each], by(`t${tenant}`));
          else void queue.push(texts, by(`t${tenant}`));
        }
        const served = demands.map(() => 0);
        while (left.every((count) => count > 0)) {
          for (const { name, weight } of serve(queue)) {
            const tenant = Number(name.slice(1));
            served[tenant] = (served[tenant] as number) + weight / (tenant + 1);
            (left[tenant] as number)--;
          }
          if (!left.every((count) => count > 0)) break;
          // Four batches ahead by riding along, one for the batch under way, one for the turn.
          const [least, most] = [Math.min(...served), Math.max(...served)];
          assert.ok(most - least <= 6 * 100, `${most - least} tokens apart`);
        }
      }),
    );
  });

  it('starves nobody, whatever tenants and criticalities come: every text leads within a bounded number of batches', () => {
    const arrival = fc.record({
      at: fc.nat(60),
      tenant: fc.constantFrom('a', 'b', 'c', 'd'),
      criticality: fc.constantFrom(...CRITICALITIES),
      sizes: fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 6 }),
    });
    fc.assert(
      fc.property(fc.array(arrival, { minLength: 1, maxLength: 24 }), (arrivals) => {
        const queue = create({ tenantsMax: 3, windowMax: 16, tenantShares: new Map([['a', 20]]) });
        const came = new Map<string, number>();
        const bound = (name: string): number =>
          (Number(name.split('/')[1]) + 1) * (PATIENCE + LED_IN_ROW) * arrivals.length;
        // One tenant never stops asking for critical work, three requests at any time.
        let flood = 0;
        let flooding = 0;
        for (let batch = 0; batch <= 60 || came.size > 0; batch++) {
          for (; flooding < 3; flooding++) void queue.push([text(1 + (flood++ % 100), 'flood')], by('a', 'critical'));
          for (const [request, { at, sizes, tenant, criticality }] of arrivals.entries()) {
            if (at !== batch) continue;
            const sorted = [...sizes].sort((x, y) => x - y);
            void queue.push(
              sorted.map((tokens, place) => text(tokens, `${request}/${place}`)),
              by(tenant, criticality),
            );
            for (const place of sorted.keys()) came.set(`${request}/${place}`, batch);
          }
          for (const { name } of serve(queue)) {
            if (name === 'flood') {
              flooding--;
              continue;
            }
            const waited = batch - (came.get(name) as number) + 1;
            assert.ok(waited <= bound(name) + 3 * (PATIENCE + LED_IN_ROW) * 6, `${name} waited ${waited} batches`);
            came.delete(name);
          }
          assert.ok(batch < 100_000, 'somebody is never served');
        }
      }),
      { numRuns: 40 },
    );
  });

  const full = { entriesMax: 3 };

  it('takes a critical request into a full queue, and the newest of the least critical goes', async () => {
    const queue = create(full);
    const first = queue.push([text(5, 'first')], by('a', 'sheddable'));
    const second = queue.push([text(5, 'second')], by('a', 'sheddable'));
    void queue.push([text(5, 'other')], by('a'));
    void queue.push([text(50, 'critical')], by('a', 'critical'));
    await assert.rejects(second, (error: MeshError) => {
      assert.deepEqual([error.code, error.retryAfterMs], ['QUEUE_FULL', 120]);
      assert.match(error.message, /gave way/);
      return true;
    });
    assert.deepEqual([queue.length, queue.tokens, shed], [3, 60, ['a/sheddable']]);
    while (serve(queue).length > 0);
    assert.equal((await first)[0], 'first');
  });

  it('refuses who finds only the more critical in a full queue, and throws nobody out in vain', async () => {
    const queue = create(full);
    for (const criticality of ['critical', 'default', 'default'] as const)
      void queue.push([text(5)], by('a', criticality));
    await assert.rejects(queue.push([text(5)], by('a', 'sheddable')), { code: 'QUEUE_FULL' });
    await assert.rejects(queue.push([text(5)], by('a')), { code: 'QUEUE_FULL' });
    const four = Array.from({ length: 4 }, () => text(1));
    await assert.rejects(queue.push(four, by('a', 'critical')), { code: 'QUEUE_FULL' });
    assert.equal(queue.length, 3);
    assert.deepEqual(shed, ['a/sheddable', 'a/default', 'a/critical']);
    void queue.push([text(1), text(1)], by('b', 'critical'));
    assert.equal(queue.length, 3, 'two gave way to two');
  });

  it('lets nobody who holds no more than its share give way to a tenant that calls everything critical', async () => {
    const queue = create({ entriesMax: 6 });
    for (let i = 0; i < 4; i++) void queue.push([text(10, 'a')], by('a', 'critical'));
    const others = (['default', 'sheddable'] as const).map((each) => queue.push([text(10, 'b')], by('b', each)));
    await assert.rejects(queue.push([text(10, 'a')], by('a', 'critical')), { code: 'QUEUE_FULL' });
    assert.deepEqual(shed, ['a/critical']);
    while (serve(queue).length > 0);
    assert.deepEqual(await Promise.all(others), [['b'], ['b']]);
  });

  it('lets the less critical of a tenant that holds more than its share give way to the more critical of another', async () => {
    const queue = create({ entriesMax: 4 });
    const flood = Array.from({ length: 4 }, () => queue.push([text(10)], by('b', 'sheddable')));
    const gone = Promise.allSettled(flood);
    for (let i = 0; i < 2; i++) void queue.push([text(10)], by('a', 'critical'));
    await assert.rejects(queue.push([text(10)], by('a', 'critical')), { code: 'QUEUE_FULL' }, 'both hold as much');
    assert.deepEqual(shed, ['b/sheddable', 'b/sheddable', 'a/critical']);
    while (serve(queue).length > 0);
    assert.equal((await gone).filter(({ status }) => status === 'fulfilled').length, 2);
  });

  it('does not let one tenant keep the others out of the queue: it gives way until they hold as much', async () => {
    const queue = create({ entriesMax: 10 });
    const flood = Array.from({ length: 10 }, () => queue.push([text(10, 'flood')], by('flood')));
    const outcomes = Promise.allSettled(flood);
    const others = Array.from({ length: 5 }, () => queue.push([text(10, 'other')], by('other')));
    await assert.rejects(queue.push([text(10)], by('other')), { code: 'QUEUE_FULL' }, 'no more than its share');
    assert.equal(queue.length, 10);
    while (serve(queue).length > 0);
    assert.equal((await Promise.all(others)).length, 5);
    const refused = (await outcomes).filter(({ status }) => status === 'rejected');
    assert.equal(refused.length, 5);
  });
});
