import assert from 'node:assert/strict';
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { silentLogger } from '../../chassis/log.js';
import { plainText } from '../../chassis/tls.js';
import type { ConsulAgent, Healthy } from '../../registry/consul/agent.js';
import { follow } from '../../registry/consul/discover.js';
import { type ServiceEntry, toDefinition } from '../../registry/consul/entry.js';
import { createRoster } from '../../registry/roster.js';
import { createVirtualClock } from '../kit/clock.js';
import { ids, instance } from './instances.js';
import { createFakeProbes } from './probes.js';

const settings = {
  consulPrefix: 'plexus-',
  consulCheckMs: 1_000,
  consulCheckTls: 'off',
  consulCheckTlsServerName: '',
} as const;

/** What Consul would answer for these instances. */
function entries(...names: string[]): ServiceEntry[] {
  return names.map((id) => {
    const { ID, Address, Port, Meta, Weights } = toDefinition(instance(id, { address: `${id}:1` }), {
      settings,
      tls: plainText,
      agentVersion: '1.8.7',
    });
    return { Node: { Address: '10.0.0.1' }, Service: { ID, Address, Port, Meta, Weights } };
  });
}

/** An agent whose next answers the test decides; a query waits until there is one. */
function scripted() {
  const queries: { index: bigint; answer: (healthy: Healthy) => void; fail: () => void }[] = [];
  const agent = {
    address: 'consul:8500',
    healthy: (_service: string, { index }: { index: bigint }, signal: AbortSignal) =>
      new Promise<Healthy>((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        const done = (): void => signal.removeEventListener('abort', onAbort);
        queries.push({
          index,
          answer(healthy) {
            done();
            resolve(healthy);
          },
          fail() {
            done();
            reject(new MeshError('REGISTRY_UNAVAILABLE', 'connection refused'));
          },
        });
      }),
  } as unknown as ConsulAgent;
  const clock = createVirtualClock();
  const probes = createFakeProbes();
  const roster = createRoster({
    clock,
    tls: plainText,
    graceMs: 900_000,
    createProbe: probes.create,
    random: () => 0.5,
  });
  const stop = new AbortController();
  const ended = follow(
    {
      agent,
      service: 'plexus-embed',
      capability: 'embed',
      clock,
      random: () => 0.5,
      log: silentLogger,
      onList: (instances, fresh) => roster.believe(instances, fresh),
    },
    stop.signal,
  );
  /** The query that waits now, after what is due has run. */
  const next = async () => {
    await clock.advance(2_000);
    const query = queries.shift();
    assert.ok(query, 'a query is waiting');
    assert.equal(queries.length, 0, 'one query at a time');
    return query;
  };
  return { next, clock, probes, roster, watch: roster.watch, end: () => over(stop, ended) };
}

/** Ends what follows. */
async function over(stop: AbortController, ended: Promise<void>): Promise<void> {
  stop.abort(new Error('over'));
  await ended;
}

describe('Consul discovery', () => {
  it('asks again with the index of the last answer', async () => {
    const { next, watch, end } = scripted();
    const first = await next();
    assert.equal(first.index, 0n);
    first.answer({ entries: entries('embed-1'), index: 18446744073709551615n });
    assert.equal((await next()).index, 18446744073709551615n, 'an index is 64 bits');
    assert.equal(ids(watch.instances), 'embed-1');
    await end();
  });

  it('loses nobody in ten minutes without Consul, nor when it comes back empty and fills again', async () => {
    const { next, watch, clock, end } = scripted();
    const seen: string[] = [];
    watch.onChange((instances) => seen.push(ids(instances)));
    (await next()).answer({ entries: entries('embed-1', 'embed-2'), index: 40n });
    let failures = 0;
    for (const endMs = clock.now() + 600_000; clock.now() < endMs; failures++) (await next()).fail();
    assert.ok(failures > 250, `it kept asking: ${failures} times`);
    const back = await next();
    assert.equal(back.index, 0n, 'an index from before the failure means nothing');
    back.answer({ entries: [], index: 9n });
    (await next()).answer({ entries: entries('embed-2'), index: 12n });
    (await next()).answer({ entries: entries('embed-2', 'embed-1'), index: 14n });
    assert.equal((await next()).index, 14n);
    assert.deepEqual(seen, ['', 'embed-1 embed-2']);
    await end();
  });

  it('starts again from 0 when the index goes back, and doubts what that list leaves out', async () => {
    const { next, watch, probes, end } = scripted();
    (await next()).answer({ entries: entries('embed-1', 'embed-2'), index: 5_000n });
    (await next()).answer({ entries: entries('embed-1'), index: 11n });
    assert.equal((await next()).index, 0n);
    assert.equal(ids(watch.instances), 'embed-1 embed-2');
    probes.answer('embed-2:1', 'away');
    assert.equal(ids(watch.instances), 'embed-1');
    await end();
  });

  it('does not spin where an agent answers at once and without an index', async () => {
    const { clock, end } = scripted();
    let asked = 0;
    const stop = new AbortController();
    const agent = {
      address: 'consul:8500',
      healthy: async () => {
        asked++;
        return { entries: [], index: 0n };
      },
    } as unknown as ConsulAgent;
    const options = {
      agent,
      service: 's',
      capability: 'embed',
      clock,
      random: () => 0.5,
      log: silentLogger,
      onList: () => {},
    };
    const ended = follow(options, stop.signal);
    await clock.advance(1_000);
    assert.ok(asked > 5 && asked <= 25, `asked ${asked} times in a second`);
    stop.abort(new Error('over'));
    await ended;
    await end();
  });

  it('comes back with jitter: two watchers do not ask in step', async () => {
    const waits = [0, 0.999].map((random) => {
      const clock = createVirtualClock();
      const delays: number[] = [];
      const counted: Clock = {
        ...clock,
        after(ms, run) {
          delays.push(ms);
          return clock.after(ms, run);
        },
      };
      const agent = {
        address: 'a',
        healthy: () => Promise.reject(new MeshError('REGISTRY_UNAVAILABLE', 'away')),
      } as unknown as ConsulAgent;
      const stop = new AbortController();
      const ended = follow(
        {
          agent,
          service: 's',
          capability: 'embed',
          clock: counted,
          random: () => random,
          log: silentLogger,
          onList: () => {},
        },
        stop.signal,
      );
      return { clock, delays, end: () => over(stop, ended) };
    });
    for (const { clock } of waits) await clock.advance(60_000);
    const [low, high] = waits.map(({ delays }) => delays.at(-1));
    assert.equal(low, 1_000);
    assert.ok(high !== undefined && high > 1_990 && high <= 2_000, `longest wait ${high} ms`);
    for (const { end } of waits) await end();
  });
});
