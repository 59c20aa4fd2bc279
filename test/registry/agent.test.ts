import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '../../chassis/settings.js';
import { type ConsulAgent, createConsulAgent, isRefused } from '../../registry/consul/agent.js';
import { consulSettings } from '../../registry/index.js';
import { until } from '../kit/until.js';

const signal = new AbortController().signal;
const query = { index: 7n, waitMs: 1_000 };

describe('Consul agent', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  /** An HTTP server in Consul's place, for what a real one does only when it breaks. */
  async function standIn(
    answer: (request: IncomingMessage, response: ServerResponse) => void,
    env: Record<string, string> = {},
  ) {
    const requests: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      requests.push(request);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const agent: ConsulAgent = createConsulAgent(readSettings(consulSettings, { CONSUL_HTTP_ADDR: address, ...env }));
    ends.push(
      () => new Promise((resolve) => server.close(resolve)),
      () => server.closeAllConnections(),
      () => agent.close(),
    );
    return { agent, requests };
  }

  it('asks for passing instances with index, wait, data centre and token', async () => {
    const { agent, requests } = await standIn(
      (_, response) => response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '9' }).end('[]'),
      { PLEXUS_CONSUL_DATACENTER: 'dc2', CONSUL_HTTP_TOKEN: 'secret' },
    );
    assert.deepEqual(await agent.healthy('plexus-embed', query, signal), { entries: [], index: 9n });
    const url = new URL(requests[0]?.url ?? '', 'http://consul');
    assert.equal(url.pathname, '/v1/health/service/plexus-embed');
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      passing: '1',
      stale: '1',
      index: '7',
      wait: '1000ms',
      dc: 'dc2',
    });
    assert.equal(requests[0]?.headers['x-consul-token'], 'secret');
  });

  it('reads the token file again for every request, so that a token can be rotated', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'plexus-agent-'));
    ends.push(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'token');
    const { agent, requests } = await standIn(
      (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('[]'),
      { CONSUL_HTTP_TOKEN_FILE: file },
    );
    for (const token of ['first', 'second']) {
      writeFileSync(file, `${token}\n`);
      await agent.healthy('plexus-embed', query, signal);
    }
    assert.deepEqual(
      requests.map(({ headers }) => headers['x-consul-token']),
      ['first', 'second'],
    );
  });

  for (const [name, code, type, body, message, refused] of [
    ['a refused token', 403, 'text/plain', 'Permission denied', /refuses the token \(Permission denied\)/, true],
    ['no leader', 500, 'text/plain', 'No cluster leader', /cannot be used: No cluster leader/, false],
    ['a list that is none', 200, 'application/json', '{}', /not a list of instances/, false],
    ['a body that is no JSON', 200, 'application/json', '[{', /cannot be used/, false],
  ] as const) {
    it(`says REGISTRY_UNAVAILABLE for ${name}`, async () => {
      const { agent } = await standIn((_, response) => response.writeHead(code, { 'content-type': type }).end(body));
      const failed = agent.healthy('plexus-embed', query, signal);
      await assert.rejects(failed, { code: 'REGISTRY_UNAVAILABLE', message });
      await failed.catch((error: unknown) => assert.equal(isRefused(error), refused));
    });
  }

  it('ends a blocking query at once when it is cancelled', async () => {
    const { agent, requests } = await standIn(() => {}); // never answers
    const stop = new AbortController();
    const waiting = agent.healthy('plexus-embed', query, stop.signal);
    await until('the query has arrived', () => requests.length === 1);
    stop.abort(new Error('enough'));
    await assert.rejects(waiting);
  });

  it('while it is away, lets one request find out whether it is back and fails the others at once', async () => {
    let held: ServerResponse | undefined;
    let broken = true;
    const { agent, requests } = await standIn((request, response) => {
      if (broken) request.socket.destroy();
      else held = response;
    });
    await assert.rejects(agent.healthy('plexus-embed', query, signal), { code: 'REGISTRY_UNAVAILABLE' });
    broken = false;
    const first = agent.healthy('plexus-embed', query, signal);
    await until('the first is on its way', () => held);
    for (const other of ['plexus-classify', 'plexus-tokenize']) {
      await assert.rejects(agent.healthy(other, query, signal), { code: 'REGISTRY_UNAVAILABLE' });
    }
    assert.equal(requests.length, 2);
    held?.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '1' }).end('[]');
    assert.equal((await first).index, 1n);
    const stop = new AbortController();
    const next = ['plexus-embed', 'plexus-classify'].map((each) => agent.healthy(each, query, stop.signal));
    await until('both are on their way', () => requests.length === 4);
    stop.abort(new Error('enough'));
    for (const { status } of await Promise.allSettled(next)) assert.equal(status, 'rejected');
  });
});
