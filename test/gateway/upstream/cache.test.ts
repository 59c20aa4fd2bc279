import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import { type CacheOptions, createCache } from '../../../gateway/upstream/cache.js';
import { createCounters } from '../../../gateway/upstream/counters.js';
import type { Flight, Reply } from '../../../gateway/upstream/flight.js';
import { Refusal } from '../../../gateway/upstream/refusal.js';
import { definition } from '../../../protos/index.js';
import { createVirtualClock } from '../../kit/clock.js';
import { type Deferred, defer } from '../../kit/defer.js';
import { promised, testFlight, testReply, textRequest } from '../../kit/upstream.js';

describe('single-flight and content cache', () => {
  const clock = createVirtualClock();
  const setUp = (changes: Partial<CacheOptions> = {}) => {
    const options = { memory: true, singleFlight: true, ttlMs: 0, entriesMax: 10, bytesMax: 1e6 };
    const cache = createCache({ ...options, ...changes, clock });
    const counters = createCounters();
    const sent: Deferred<Reply>[] = [];
    const next = (): Promise<Reply> => {
      const one = defer<Reply>();
      sent.push(one);
      return one.promise;
    };
    const send = promised(cache.layer(counters), next, clock);
    const flight = (text: string, changes = {}): Flight =>
      testFlight(clock, { request: textRequest(text), cache: { ttlMs: 1_000 }, ...changes });
    return { cache, counters, sent, send, flight };
  };
  const turn = (): Promise<void> => clock.advance(0);

  it('sends a call that does not ask for it every time', async () => {
    const { send, sent } = setUp();
    void send(testFlight(clock));
    void send(testFlight(clock));
    await turn();
    assert.equal(sent.length, 2);
  });

  it('answers equal bytes to the same method from memory until their time is over', async () => {
    const { send, sent, flight, counters } = setUp();
    const first = send(flight('a'));
    await turn();
    sent[0]?.resolve(testReply());
    assert.equal((await first).cached, false);
    assert.equal((await send(flight('a'))).cached, true);
    void send(flight('b'));
    void send(flight('a', { method: 'plexus.v1.Embed/Similarity' }));
    await turn();
    assert.equal(sent.length, 3);
    await clock.advance(1_000);
    void send(flight('a'));
    await turn();
    assert.equal(sent.length, 4);
    assert.deepEqual([counters.cacheHits, counters.cacheMisses], [1, 4]);
  });

  it('joins equal calls in flight', async () => {
    const { send, sent, flight, counters } = setUp();
    const calls = [send(flight('a')), send(flight('a')), send(flight('a'))];
    await turn();
    assert.equal(sent.length, 1);
    sent[0]?.resolve(testReply());
    assert.deepEqual(
      (await Promise.all(calls)).map(({ cached }) => cached),
      [false, true, true],
    );
    assert.equal(counters.cacheJoined, 2);
  });

  describe('of calls that do not ask for it', () => {
    const deterministic = { cache: undefined, deterministic: true };
    /** Two at a time, twice: how many were sent. */
    const sendings = async (
      changes: Partial<CacheOptions>,
      call: object,
    ): Promise<[together: number, after: number]> => {
      const { send, sent, flight } = setUp(changes);
      const twice = async (): Promise<number> => {
        const before = sent.length;
        const calls = [send(flight('a', call)), send(flight('a', call))];
        await turn();
        for (const each of sent.slice(before)) each.resolve(testReply());
        await Promise.all(calls);
        return sent.length - before;
      };
      return [await twice(), await twice()];
    };

    it('joins those whose answer depends on request and model alone, and keeps it as long as the setting says', async () => {
      assert.deepEqual(await sendings({}, deterministic), [1, 1]);
      assert.deepEqual(await sendings({ ttlMs: 1_000 }, deterministic), [1, 0]);
      assert.deepEqual(await sendings({ ttlMs: 1_000 }, { cache: undefined }), [2, 2]);
    });

    it('does without single-flight or memory where one is switched off', async () => {
      assert.deepEqual(await sendings({ ttlMs: 1_000, singleFlight: false }, deterministic), [2, 0]);
      assert.deepEqual(await sendings({ ttlMs: 1_000, memory: false }, deterministic), [1, 1]);
      assert.deepEqual(await sendings({ memory: false }, {}), [1, 1]);
      assert.deepEqual(await sendings({ memory: false, singleFlight: false }, {}), [2, 2]);
    });

    it('does not let who is critical wait in the place of who is not', async () => {
      const { send, sent, flight } = setUp();
      for (const class_ of ['critical', 'sheddable', 'default'])
        void send(flight('a', { ...deterministic, metadata: { 'x-plexus-criticality': class_ } }));
      void send(flight('a', deterministic));
      await turn();
      assert.equal(sent.length, 3);
    });
  });

  it('tells requests apart whatever their length', async () => {
    const { send, sent, flight } = setUp();
    const long = Buffer.alloc(10_000, 7);
    const other = Buffer.concat([long.subarray(1), Buffer.from([8])]);
    for (const request of [long, Buffer.from(long), other, Buffer.from('= a'), Buffer.from('a'), Buffer.alloc(0)])
      void send(flight('', { request }));
    await turn();
    assert.equal(sent.length, 5);
  });

  it('tells models of one name and version apart by the digest that answers carry', async () => {
    const { send, sent, flight, counters } = setUp();
    const served = (digit: string): Reply => {
      const response = definition('plexus.v1.Embed').Embed.responseSerialize({
        model: { name: 'm', version: '1', digest: `sha256:${digit.repeat(64)}` },
      });
      return { ...testReply(), response, trailers: { 'x-plexus-model': 'm@1' } };
    };
    const ask = async (text: string, digit: string): Promise<boolean> => {
      const before = sent.length;
      const call = send(flight(text, { model: 'm@1' }));
      await turn();
      for (const each of sent.slice(before)) each.resolve(served(digit));
      return (await call).cached;
    };
    assert.deepEqual([await ask('a', 'a'), await ask('a', 'a')], [false, true]);
    assert.equal(await ask('b', 'b'), false);
    assert.equal(await ask('a', 'b'), false, 'what the model of the other digest answered is not this one');
    assert.equal(counters.cacheHits, 1);
  });

  it('sends again for those who joined a call that lost its own caller', async () => {
    const { send, sent, flight } = setUp();
    const first = send(flight('a'));
    const second = send(flight('a'));
    await turn();
    sent[0]?.reject(new MeshError('CANCELLED', 'its caller left'));
    await assert.rejects(first, { code: 'CANCELLED' });
    await turn();
    assert.equal(sent.length, 2);
    sent[1]?.resolve(testReply());
    assert.ok(await second);
  });

  it('sends a call alone beside an equal one, keeps its answer, and gives it to those who joined the slow one', async () => {
    const { send, sent, flight, counters } = setUp();
    const slow = flight('a');
    const calls = [send(slow), send(flight('a'))];
    calls[0]?.catch(() => {});
    const hedge = send(flight('a', { cache: { ttlMs: 1_000, alone: true } }));
    await turn();
    assert.equal(sent.length, 2);
    sent[1]?.resolve(testReply('embed-2'));
    assert.equal((await hedge).instance, 'embed-2');
    sent[0]?.reject(new MeshError('CANCELLED', 'the other answered first'));
    await assert.rejects(calls[0] as Promise<Reply>, { code: 'CANCELLED' });
    assert.deepEqual(await calls[1], { ...testReply('embed-2'), cached: true });
    assert.deepEqual([sent.length, counters.cacheHits], [2, 1]);
  });

  it('sends again for those who joined a call that was refused before it was sent', async () => {
    const { send, sent, flight } = setUp();
    const hurried = send(flight('a', { deadlineMs: clock.now() + 200 }));
    const patient = [send(flight('a')), send(flight('a'))];
    await turn();
    sent[0]?.reject(new Refusal('bulkhead', 'OVERLOADED', 'the wait would be too long', { retryAfterMs: 300 }));
    await assert.rejects(hurried, { code: 'OVERLOADED' });
    await turn();
    assert.equal(sent.length, 2, 'once, for both');
    sent[1]?.resolve(testReply());
    for (const call of patient) assert.ok(await call);
    const last = [send(flight('b')), send(flight('b'))];
    await turn();
    sent[2]?.reject(new MeshError('OVERLOADED', 'full'));
    for (const call of last) await assert.rejects(call, { code: 'OVERLOADED' }, 'what an instance refuses is for all');
  });

  it('sends again once only for a crowd that is refused, and not at all where there is no instance', async () => {
    for (const [refusal, times] of [
      [new Refusal('bulkhead', 'OVERLOADED', 'busy', { retryAfterMs: 300 }), 2],
      [new Refusal('balance', 'NO_INSTANCE', 'none', { retryAfterMs: 1_000, soon: true }), 1],
    ] as const) {
      const { send, sent, flight } = setUp();
      const crowd = Promise.allSettled([1, 2, 3, 4].map(() => send(flight('a'))));
      for (let each = 0; each < 4; each++) {
        await turn();
        sent[each]?.reject(refusal);
      }
      assert.ok((await crowd).every(({ status }) => status === 'rejected'));
      assert.equal(sent.length, times);
    }
  });

  it('lets one who joined leave without the others', async () => {
    const { send, sent, flight } = setUp();
    const leaving = flight('a');
    const calls = [send(flight('a')), send(leaving)];
    await turn();
    leaving.end(new MeshError('CANCELLED', 'left'));
    await assert.rejects(calls[1] as Promise<Reply>, { code: 'CANCELLED' });
    sent[0]?.resolve(testReply());
    assert.ok(await calls[0]);
  });

  it('answers nothing from the version that an alias meant before', async () => {
    const { send, sent, flight } = setUp();
    const ask = async (text: string, version: string | undefined, model = 'm:stable'): Promise<boolean> => {
      const before = sent.length;
      const call = send(flight(text, { model }));
      await turn();
      const reply = testReply();
      if (sent.length > before)
        sent.at(-1)?.resolve({ ...reply, ...(version && { trailers: { 'x-plexus-model': version } }) });
      return (await call).cached;
    };
    assert.deepEqual([await ask('a', 'm@1'), await ask('a', 'm@1')], [false, true]);
    assert.equal(await ask('b', 'm@2'), false, 'the alias moved, which this answer tells');
    assert.deepEqual([await ask('a', 'm@2'), await ask('a', 'm@2'), await ask('b', 'm@2')], [false, true, true]);
    assert.equal(await ask('a', 'm@1', 'm@1'), false, 'another reference is another request');
  });

  it('keeps the bytes of the answer, and not the whole read they came in', async () => {
    const { send, sent, flight } = setUp();
    const read = Buffer.alloc(60_000, 7);
    void send(flight('a'));
    await turn();
    sent[0]?.resolve({ ...testReply(), response: read.subarray(100, 200) });
    await turn();
    const { response } = await send(flight('a'));
    assert.ok(response.equals(read.subarray(100, 200)));
    assert.equal(response.buffer.byteLength, 100);
    assert.equal(sent.length, 1);
  });

  it('keeps no error', async () => {
    const { send, sent, flight, cache } = setUp();
    const first = send(flight('a'));
    await turn();
    sent[0]?.reject(new MeshError('INTERNAL', 'broken'));
    await assert.rejects(first);
    assert.equal(cache.entries, 0);
  });

  it('is bounded by entries and bytes, the least recently used leaving first', async () => {
    const { send, sent, flight, cache } = setUp({ entriesMax: 2 });
    const answer = async (text: string): Promise<boolean> => {
      const before = sent.length;
      const call = send(flight(text));
      await turn();
      for (const each of sent.slice(before)) each.resolve(testReply());
      return (await call).cached;
    };
    await answer('a');
    await answer('b');
    assert.equal(await answer('a'), true);
    await answer('c');
    assert.equal(await answer('a'), true);
    assert.equal(await answer('b'), false);
    assert.equal(cache.entries, 2);
    const small = setUp({ bytesMax: 300 });
    const call = small.send(small.flight('a'));
    await turn();
    small.sent[0]?.resolve({ ...testReply(), response: Buffer.alloc(1_000) });
    await call;
    assert.deepEqual([small.cache.entries, small.cache.bytes], [0, 0]);
  });

  it('forgets a capability whose models changed', async () => {
    const { send, sent, flight, cache } = setUp();
    const call = send(flight('a'));
    await turn();
    sent[0]?.resolve(testReply());
    await call;
    cache.clear('classify');
    assert.equal(cache.entries, 1);
    cache.clear('embed');
    assert.deepEqual([cache.entries, cache.bytes], [0, 0]);
  });
});
