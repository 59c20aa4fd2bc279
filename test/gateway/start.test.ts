/** The gateway as a whole: when it is ready, how it leaves. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../../client/index.js';
import { defer } from '../kit/defer.js';
import { until } from '../kit/until.js';
import { startMesh } from './http/mesh.js';

const json = { 'content-type': 'application/json' };

describe('the gateway', () => {
  it('is not ready while a capability has no instance, says which, and serves the others', async () => {
    const mesh = await startMesh({ capabilities: ['tokenize', 'embed', 'classify'] });
    const client = createClient(mesh.address);
    try {
      await until(
        'the instances',
        async () => ((await (await fetch(`${mesh.url}/readyz`)).json()) as { missing: string[] }).missing,
        ({ length }) => length === 1,
      );
      const response = await fetch(`${mesh.url}/readyz`);
      assert.equal(response.status, 503);
      assert.deepEqual(
        ((await response.json()) as { missing: string[] }).missing,
        ['summarize'],
        'infer it can do without',
      );
      assert.equal((await fetch(`${mesh.url}/healthz`)).status, 200, 'it lives all the same');
      assert.equal((await client.health.check({ service: 'plexus.v1.Summarize' })).status, 'NOT_SERVING');
      assert.equal((await client.health.check({ service: 'plexus.v1.Embed' })).status, 'SERVING');
      const summarize = await fetch(`${mesh.url}/v1/summarize/summarize`, {
        method: 'POST',
        headers: { ...json, 'x-timeout-ms': '500' },
        body: '{"texts": ["a"]}',
      });
      assert.equal(summarize.status, 503);
      assert.equal(((await summarize.json()) as { error: { code: string } }).error.code, 'NO_INSTANCE');
      const run = await fetch(`${mesh.url}/v1/pipelines/analyze:run`, {
        method: 'POST',
        headers: json,
        body: '{"input": {"text": "short"}}',
      });
      assert.equal(run.status, 200, 'a pipeline that does not need it runs');
    } finally {
      client.close();
      await mesh.stop();
    }
  });

  it('lets calls in flight end when it stops, and takes no new ones', async () => {
    const arrived = defer();
    const gate = defer();
    const mesh = await startMesh({
      server: { drainMs: 5_000 },
      handlers: {
        'embed.Embed': async () => {
          arrived.resolve();
          await gate.promise;
          return { dimensions: 7 };
        },
      },
    });
    const running = fetch(`${mesh.url}/v1/embed/embed`, { method: 'POST', headers: json, body: '{"texts": ["a"]}' });
    await arrived.promise;
    const stopping = mesh.gateway.stop();
    await until(
      'the port to close',
      () =>
        fetch(`${mesh.url}/healthz`).then(
          () => 'open',
          () => 'closed',
        ),
      (state) => state === 'closed',
    );
    gate.resolve();
    const response = await running;
    assert.deepEqual([response.status, ((await response.json()) as { dimensions: number }).dimensions], [200, 7]);
    await stopping;
    await mesh.stop();
  });

  it('cuts calls that do not end in time', async () => {
    const arrived = defer();
    const mesh = await startMesh({
      server: { drainMs: 100 },
      handlers: {
        'embed.Embed': (_request, { signal }) => {
          arrived.resolve();
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
      },
    });
    const running = fetch(`${mesh.url}/v1/embed/embed`, { method: 'POST', headers: json, body: '{"texts": ["a"]}' });
    running.catch(() => {});
    await arrived.promise;
    await mesh.stop();
    await assert.rejects(running);
  });

  it('speaks TLS on both ports where it has a certificate', async function () {
    const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'));
    const keyFile = join(folder, 'key.pem');
    const certFile = join(folder, 'cert.pem');
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    try {
      const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
      execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', keyFile, '-out', certFile], { stdio: 'pipe' });
    } catch {
      console.warn('SKIPPED: NO OPENSSL TO MAKE A CERTIFICATE WITH. THE GATEWAY WAS NOT TRIED OVER TLS.');
      this.skip();
    }
    const mesh = await startMesh({ capabilities: [], tls: { certFile, keyFile, caFile: '' } });
    const ca = readFileSync(certFile);
    const client = createClient(mesh.address, { tls: { certFile: '', keyFile: '', caFile: certFile } });
    try {
      const status = await new Promise((resolve, reject) => {
        get(`${mesh.url}/healthz`, { ca, agent: false }, (response) => resolve(response.resume().statusCode)).on(
          'error',
          reject,
        );
      });
      assert.equal(status, 200);
      assert.equal((await client.pipelines.list({})).pipelines.length, 4);
      await assert.rejects(fetch(mesh.url.replace('https', 'http')), 'plain text is not answered');
    } finally {
      client.close();
      await mesh.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
