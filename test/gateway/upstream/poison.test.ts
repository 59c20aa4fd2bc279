import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import { createUpstream, type UpstreamSettings } from '../../../gateway/upstream/index.js';
import { createPoison } from '../../../gateway/upstream/poison.js';
import { createVirtualClock } from '../../kit/clock.js';
import {
  createFakeNetwork,
  createFakeRegistry,
  seeded,
  testCall,
  testInstance,
  testUpstreamSettings,
  textRequest,
} from '../../kit/upstream.js';

describe('poison', () => {
  const clock = createVirtualClock();
  const call = (text: string) => testCall(clock, { request: textRequest(text) });

  it('charges a request once, until it has been answered', () => {
    const poison = createPoison();
    assert.deepEqual(poison.failed(call('x'), 'a', 0), { charged: true, poisonous: false });
    assert.deepEqual(poison.failed(call('x'), 'a', 1), { charged: false, poisonous: false });
    assert.deepEqual(poison.failed(call('x'), 'b', 2), { charged: false, poisonous: true });
    assert.equal(poison.failed(call('y'), 'a', 3).charged, true, 'another request of the same length');
    poison.answered(call('x'));
    assert.equal(poison.failed(call('x'), 'a', 4).charged, true);
  });

  it('forgets after a minute, and remembers a thousand', () => {
    const poison = createPoison();
    poison.failed(call('x'), 'a', 0);
    assert.equal(poison.failed(call('x'), 'a', 59_999).charged, false);
    assert.equal(poison.failed(call('x'), 'a', 60_000).charged, true);
    for (let each = 0; each < 2_000; each++) poison.failed(call(`${each}`), 'a', 60_001);
    assert.equal(poison.size, 1_000);
    assert.equal(poison.failed(call('1999'), 'a', 60_002).charged, false);
    assert.equal(poison.failed(call('0'), 'a', 60_002).charged, true);
  });

  const setUp = (settings: Partial<UpstreamSettings> = {}) => {
    const own = createVirtualClock();
    const network = createFakeNetwork(own);
    const upstream = createUpstream({
      registry: createFakeRegistry(['a', 'b', 'c'].map((id) => testInstance(id))),
      settings: testUpstreamSettings(settings),
      clock: own,
      random: seeded(5),
      connect: network.connect,
    });
    const send = async (text: string): Promise<string> => {
      const outcome = upstream.unary(testCall(own, { request: textRequest(text) })).then(
        () => 'OK',
        (error: MeshError) => error.code,
      );
      await own.advance(60);
      return outcome;
    };
    const states = () => upstream.instances('embed').map(({ state }) => state);
    return { network, upstream, send, states };
  };
  const broken = new MeshError('INTERNAL', 'broken');

  it('ejects nobody and opens no breaker for one request that breaks every instance, however often it is sent', async () => {
    for (const [poison, survives] of [
      [true, true],
      [false, false],
    ] as const) {
      const { network, upstream, send, states } = setUp({ poison });
      for (const id of ['a', 'b', 'c'])
        network.script(`${id}:1`, ({ request }) =>
          request.includes('poison') ? { afterMs: 1, error: broken } : { afterMs: 1 },
        );
      const outcomes = new Set<string>();
      for (let each = 0; each < 40; each++) outcomes.add(await send('poison'));
      const counters = upstream.counters().embed;
      assert.equal(counters?.ejections === 0 && counters.breakerOpened === 0, survives);
      assert.equal((counters?.poisoned ?? 0) > 0, survives);
      if (!survives) continue;
      assert.deepEqual([...outcomes], ['INTERNAL']);
      assert.deepEqual(states(), ['serving', 'serving', 'serving']);
      await upstream.close();
    }
  });

  it('still ejects an instance that fails what others answer, even if all send the same request', async () => {
    const { network, upstream, send, states } = setUp({ balance: 'random' });
    network.script('a:1', () => ({ afterMs: 1, error: broken }));
    for (let each = 0; each < 60; each++) await send('the same');
    assert.deepEqual(states(), ['ejected', 'serving', 'serving']);
    await upstream.close();
  });

  it('does not send a request to a third instance that has killed the workers of two', async () => {
    const { network, upstream, send } = setUp();
    for (const id of ['a', 'b', 'c'])
      network.script(`${id}:1`, () => ({ afterMs: 1, error: new MeshError('WORKER_LOST', 'the worker died') }));
    assert.equal(await send('poison'), 'WORKER_LOST');
    assert.equal(network.sent.length, 2);
    await upstream.close();
  });
});
