import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { packageRoot } from '../../protos/index.js';
import { startServing } from '../kit/serving.js';

/** Runs deploy/healthcheck.js as a container would; resolves with its exit code and what it said. */
async function check(address: string): Promise<string> {
  const child = spawn(process.execPath, [join(packageRoot, 'deploy', 'healthcheck.js')], {
    env: { PLEXUS_ADDRESS: address.replace('127.0.0.1', '0.0.0.0') },
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const [code] = await once(child, 'close');
  return `${code} ${said.trim()}`;
}

describe('health check of a container', () => {
  it('exits 0 where the process serves, 1 where it does not or is gone', async () => {
    const serving = await startServing();
    assert.equal(await check(serving.address), '0 SERVING');
    serving.set('NOT_SERVING');
    assert.equal(await check(serving.address), '1 not serving');
    await serving.kill();
    assert.match(await check(serving.address), /^1 .*ECONNREFUSED/);
  });

  it('exits 1 in its own time where the process accepts connections and answers nothing', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const sockets: { destroy(): void }[] = [];
    server.on('connection', (socket) => sockets.push(socket));
    assert.equal(await check(`127.0.0.1:${(server.address() as { port: number }).port}`), '1 no answer in 2500 ms');
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});
