/** Promises about Consul, in virtual time and with calls under way: what the registry says or does not say loses none. */
import assert from 'node:assert/strict';
import type { Clock } from '../../../chassis/clock.js';
import { MeshError } from '../../../chassis/errors.js';
import { silentLogger } from '../../../chassis/log.js';
import { plainText } from '../../../chassis/tls.js';
import type { ConsulAgent, Healthy } from '../../../registry/consul/agent.js';
import { follow } from '../../../registry/consul/discover.js';
import { toDefinition } from '../../../registry/consul/entry.js';
import { createRoster } from '../../../registry/roster.js';
import { lost } from '../../kit/open-loop.js';
import { type SimulatedInstance, simulate } from '../../kit/simulation.js';
import { testInstance } from '../../kit/upstream.js';
import { createFakeProbes } from '../../registry/probes.js';

const settings = {
  consulPrefix: 'plexus-',
  consulCheckMs: 1_000,
  consulCheckTls: 'off',
  consulCheckTlsServerName: '',
} as const;

/** A Consul that says what the test says: a query waits for news, or for its time to pass. */
function createConsul(clock: Clock) {
  let away = false;
  let said: Healthy = { entries: [], index: 1n };
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const each of [...waiting]) each();
  };
  const agent = {
    address: 'consul:8500',
    healthy: (_service: string, { index, waitMs }: { index: bigint; waitMs: number }, signal: AbortSignal) =>
      new Promise<Healthy>((resolve, reject) => {
        const over = (): void => {
          cancelTimer();
          waiting.delete(answer);
          signal.removeEventListener('abort', onAbort);
        };
        const onAbort = (): void => {
          over();
          reject(signal.reason);
        };
        const answer = (): void => {
          over();
          if (away) reject(new MeshError('REGISTRY_UNAVAILABLE', 'connection refused'));
          else resolve(said);
        };
        const cancelTimer = clock.after(away || index !== said.index ? 1 : waitMs, answer);
        waiting.add(answer);
        signal.addEventListener('abort', onAbort);
      }),
  } as unknown as ConsulAgent;
  return {
    agent,
    goAway(): void {
      away = true;
      wake();
    },
    say(index: bigint, ids: readonly string[]): void {
      away = false;
      const entries = ids.map((id) => {
        const { ID, Address, Port, Meta, Weights } = toDefinition(testInstance(id), {
          settings,
          tls: plainText,
          agentVersion: '1.8.7',
        });
        return { Node: { Address: '10.0.0.1' }, Service: { ID, Address, Port, Meta, Weights } };
      });
      said = { entries, index };
      wake();
    },
  };
}

describe('Consul with calls under way', function () {
  this.timeout(60_000);

  it('away for ten minutes, restarted empty, answering an empty list, with an index that goes back: none is lost', async () => {
    const all = ['embed-1', 'embed-2', 'embed-3'];
    const stop = new AbortController();
    const probes = createFakeProbes();
    let consul!: ReturnType<typeof createConsul>;
    const simulation = simulate({
      count: all.length,
      workMs: 80,
      places: 4,
      queueMax: 40,
      seed: 1,
      watch(clock) {
        consul = createConsul(clock);
        consul.say(40n, all);
        const roster = createRoster({
          clock,
          tls: plainText,
          graceMs: 900_000,
          createProbe: probes.create,
          random: () => 0.5,
        });
        void follow(
          {
            agent: consul.agent,
            service: 'plexus-embed',
            capability: 'embed',
            clock,
            random: () => 0.5,
            log: silentLogger,
            onList: (instances, fresh) => roster.believe(instances, fresh),
          },
          stop.signal,
        );
        return roster.watch;
      },
    });
    await simulation.clock.run(100);
    const [, , third] = simulation.instances as [SimulatedInstance, SimulatedInstance, SimulatedInstance];
    const known: number[] = [];
    const look = (): void => void known.push(simulation.upstream.instances('embed').length);
    const samples = await simulation.load(40, 660, {
      during: [
        [5_000, () => consul.goAway()],
        [300_000, () => simulation.kill(third)], // nobody tells the gateway
        [604_000, look],
        [605_000, () => consul.say(9n, [])], // restarted, without its memory
        [607_500, () => probes.answer('embed-3:1', 'away')],
        [608_000, look],
        [610_000, () => consul.say(12n, ['embed-2'])],
        [615_000, () => consul.say(14n, ['embed-1', 'embed-2'])],
        [620_000, () => consul.say(15n, [])], // by mistake
        [625_000, look],
        [630_000, () => consul.say(16n, ['embed-1', 'embed-2'])],
        [640_000, () => consul.say(5n, ['embed-1'])], // rebuilt: the index goes back, and it has not heard of all
        [645_000, look],
        [650_000, () => consul.say(6n, ['embed-1', 'embed-2'])],
      ],
    });
    assert.equal(samples.length, 40 * 660);
    assert.deepEqual(lost(samples), []);
    assert.deepEqual(known, [3, 2, 2, 2], 'who answers is kept, whatever the registry leaves out');
    stop.abort(new Error('over'));
    await simulation.close();
  });
});
