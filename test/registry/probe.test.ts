import assert from 'node:assert/strict';
import { createServer as createTcpServer } from 'node:net';
import { systemClock } from '../../chassis/clock.js';
import { plainText } from '../../chassis/tls.js';
import { createProbe, type ProbeState } from '../../registry/probe.js';
import { type Serving, startServing } from '../kit/serving.js';
import { until } from '../kit/until.js';

describe('probe', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  function probe(address: string, service = '') {
    const seen: ProbeState[] = [];
    const options = { address, service, clock: systemClock, random: Math.random, tls: plainText, intervalMs: 100 };
    const made = createProbe({ ...options, onChange: (state) => seen.push(state) });
    ends.push(() => made.close());
    return { seen, probe: made };
  }
  async function serving(name?: string): Promise<Serving> {
    const made = await startServing(name);
    ends.push(() => made.kill());
    return made;
  }

  it('follows a server through drain and return', async () => {
    const server = await serving();
    const { seen } = probe(server.address);
    await until(
      'serving',
      () => seen.at(-1),
      (last) => last === 'serving',
    );
    server.set('NOT_SERVING');
    await until(
      'away',
      () => seen.at(-1),
      (last) => last === 'away',
    );
    server.set('SERVING');
    await until(
      'serving again',
      () => seen.at(-1),
      (last) => last === 'serving',
    );
    assert.deepEqual(seen, ['serving', 'away', 'serving']);
  });

  it('says away of a port where nobody listens, and of a server without the service', async () => {
    const server = await serving('plexus.v1.Classify');
    const wrong = probe(server.address, 'plexus.v1.Embed');
    await until(
      'away',
      () => wrong.probe.state,
      (state) => state === 'away',
    );
    await server.kill();
    const nobody = probe(server.address);
    await until(
      'away',
      () => nobody.probe.state,
      (state) => state === 'away',
    );
  });

  it('says away of what accepts connections and never answers', async () => {
    const tcp = createTcpServer((socket) => ends.push(() => socket.destroy()));
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    ends.push(() => tcp.close());
    const { seen } = probe(`127.0.0.1:${(tcp.address() as { port: number }).port}`);
    await until(
      'away',
      () => seen.at(-1),
      (last) => last === 'away',
    );
  });

  it('says away of a server whose connection stays open while it answers no more', async () => {
    const server = await serving();
    // A relay that can be silenced: connections stay up, bytes stop, as with a process under SIGSTOP.
    const { connect } = await import('node:net');
    const pairs: { pause(): void }[] = [];
    const relay = createTcpServer((socket) => {
      const inner = connect(Number(server.address.split(':')[1]), '127.0.0.1');
      socket.pipe(inner).pipe(socket);
      for (const each of [socket, inner]) {
        each.on('error', () => {});
        ends.push(() => each.destroy());
      }
      pairs.push({ pause: () => void [socket.unpipe(), inner.unpipe(), socket.pause(), inner.pause()] });
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    ends.push(() => relay.close());
    const { seen } = probe(`127.0.0.1:${(relay.address() as { port: number }).port}`);
    await until(
      'serving',
      () => seen.at(-1),
      (last) => last === 'serving',
    );
    for (const pair of pairs) pair.pause();
    await until('away', () => seen.includes('away'));
  });

  it('tells nothing after it was closed', async () => {
    const server = await serving();
    const { seen, probe: made } = probe(server.address);
    await until(
      'serving',
      () => seen.at(-1),
      (last) => last === 'serving',
    );
    made.close();
    server.set('NOT_SERVING');
    const later = probe(server.address);
    await until(
      'away',
      () => later.seen.at(-1),
      (last) => last === 'away',
    );
    assert.deepEqual(seen, ['serving']);
  });
});
