/** Every limit of the room is met once. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { readSettings } from '../../chassis/settings.js';
import { type Http, open, readJson } from '../../models/fetch/http.js';
import { listTree } from '../../models/fetch/hub.js';
import { withRetries } from '../../models/fetch/retry.js';
import { openStage, requireSpace } from '../../models/fetch/stage.js';
import { createRepository, modelFolders, modelSettings, pull, pullSettings } from '../../models/index.js';
import { isSafePath } from '../../models/path.js';
import { embedderFiles, temporaryFolders, withCode, writeFiles } from '../kit/model-folder.js';

describe('limits of the models room', () => {
  const temporary = temporaryFolders();
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });
  async function serve(listener: RequestListener): Promise<URL> {
    const made = createServer(listener);
    server = made;
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    return new URL(`http://127.0.0.1:${(made.address() as AddressInfo).port}/`);
  }
  const http = (token = '', tokenOrigin = ''): Http => ({
    clock: systemClock,
    stallMs: 10_000,
    token,
    tokenOrigin,
    signal: undefined,
  });

  it('does not take a folder of a thousand files for a model', async () => {
    const root = temporary();
    writeFiles(join(root, 'huge'), {
      ...embedderFiles,
      ...Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`more/${index}.txt`, 'x'])),
    });
    const [problem] = await createRepository({ folders: [root] }).problems();
    assert.match(problem?.error.message ?? '', /^huge: the folder has more than 1000 files/);
  });

  it('does not read a manifest of more than 4 MiB, nor a configuration of more than 16', async () => {
    const root = temporary();
    writeFiles(join(root, 'a/1'), { 'manifest.json': Buffer.alloc(5 * 2 ** 20, ' ') });
    writeFiles(join(root, 'b'), { ...embedderFiles, 'config.json': Buffer.alloc(17 * 2 ** 20, ' ') });
    const messages = (await createRepository({ folders: [root] }).problems()).map(({ error }) => error.message);
    assert.match(messages[0] ?? '', /^a\/1\/manifest\.json: has 5242880 bytes/);
    assert.match(messages[1] ?? '', /^b: config\.json: has 17825792 bytes/);
  });

  it('does not fill the disk', async () => {
    await assert.rejects(requireSpace(join(temporary(), 'cache'), 2 ** 60), withCode('PULL_REFUSED', /bytes free/));
  });

  it('gives a staging folder to one at a time, and to the next after that', async () => {
    const cache = temporary();
    const first = await openStage(cache, 'org/minilm--1');
    await assert.rejects(openStage(cache, 'org/minilm--1'), withCode('PULL_UNAVAILABLE'));
    await first.release();
    await (await openStage(cache, 'org/minilm--1')).release();
    // The lock of a process that is gone is nobody's.
    writeFiles(join(cache, 'staging/org--minilm--1'), { lock: '999999999' });
    await (await openStage(cache, 'org/minilm--1')).release();
  });

  it('follows eight redirects and no more', async () => {
    const url = await serve((request, response) => {
      const left = Number(new URL(request.url ?? '', 'http://x').searchParams.get('left'));
      if (left === 0) response.end('{}');
      else response.writeHead(302, { location: `/?left=${left - 1}` }).end();
    });
    assert.deepEqual(await readJson(await open(http(), new URL('?left=8', url)), 100), {});
    await assert.rejects(
      open(http(), new URL('?left=9', url)),
      withCode('PULL_UNAVAILABLE', /redirects more than 8 times/),
    );
  });

  it('reads a JSON answer up to its limit', async () => {
    const url = await serve((_, response) => void response.end(JSON.stringify('x'.repeat(1_000))));
    await assert.rejects(
      readJson(await open(http(), url), 500).then(String),
      withCode('PULL_REFUSED', /more than 500 bytes/),
    );
  });

  it('follows 200 pages of files and no more, and none to another host', async () => {
    const url = await serve((request, response) => {
      const cursor = Number(new URL(request.url ?? '', 'http://x').searchParams.get('cursor') ?? 0);
      response.setHeader(
        'link',
        request.url?.includes('elsewhere')
          ? '<https://elsewhere.example/?cursor=1>; rel="next"'
          : `<?cursor=${cursor + 1}>; rel="next"`,
      );
      response.end('[]');
    });
    await assert.rejects(
      listTree(http(), url.origin, 'org/endless', 'c'),
      withCode('PULL_REFUSED', /more than 200 pages/),
    );
    await assert.rejects(
      listTree(http(), url.origin, 'org/elsewhere', 'c'),
      withCode('PULL_REFUSED', /continues its list of files at elsewhere\.example/),
    );
  });

  it('sends the token to its own origin only', async () => {
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{}');
    });
    await readJson(await open(http('secret', url.origin), url), 100);
    await readJson(await open(http('secret', 'https://other.example'), url), 100);
    assert.deepEqual(seen, ['Bearer secret', undefined]);
  });

  it('backs off up to half a minute, with a random part of it, and starts over after progress', async () => {
    const delays: number[] = [];
    let calls = 0;
    const clock = {
      ...systemClock,
      after(delayMs: number, run: () => void) {
        delays.push(delayMs);
        return systemClock.after(0, run);
      },
    };
    const options = { clock, random: () => 0.999_999, triesMax: 9, signal: undefined, onRetry: () => {} };
    await assert.rejects(
      withRetries(async () => {
        throw new MeshError('PULL_UNAVAILABLE', 'no');
      }, options),
      withCode('PULL_UNAVAILABLE'),
    );
    assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    delays.length = 0;
    await withRetries(async (progress) => {
      calls++;
      if (calls % 2 === 0) progress();
      if (calls < 20) throw new MeshError('PULL_UNAVAILABLE', 'no');
    }, options);
    assert.ok(Math.max(...delays) <= 1_000 && delays.length === 19);
  });

  it('does not try again what will not change', async () => {
    let calls = 0;
    const options = { clock: systemClock, random: Math.random, triesMax: 5, signal: undefined, onRetry: () => {} };
    await assert.rejects(
      withRetries(async () => {
        calls++;
        throw new MeshError('PULL_NOT_FOUND', 'no');
      }, options),
      withCode('PULL_NOT_FOUND'),
    );
    assert.equal(calls, 1);
  });

  it('accepts no path that could leave a folder, on any system', () => {
    for (const good of ['a', 'onnx/model.onnx', '1_Pooling/config.json', 'model.onnx_data_1', 'LICENSE'])
      assert.ok(isSafePath(good), good);
    for (const bad of [
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '..',
      '../a',
      'a/../b',
      './a',
      '.a',
      'a\\b',
      'C:a',
      'a\0',
      'a\n',
      'aux',
      'AUX.json',
      'com1.txt',
      'a.',
      'a/b/c/d/e',
      'x'.repeat(200),
    ]) {
      assert.ok(!isSafePath(bad), JSON.stringify(bad));
    }
  });

  it('searches the starter models, PLEXUS_MODELS and the cache, in this order', () => {
    const settings = readSettings(modelSettings, { PLEXUS_MODELS: '/a:/b,/c', PLEXUS_CACHE: '/cache' });
    assert.deepEqual(modelFolders(settings, '/plexus', {}), [
      '/plexus/models/store',
      '/a',
      '/b',
      '/c',
      '/cache/models',
    ]);
    const home = modelFolders(readSettings(modelSettings, {}), '/plexus', { XDG_CACHE_HOME: '/xdg' });
    assert.deepEqual(home, ['/plexus/models/store', '/xdg/plexus/models']);
  });

  it('says which address of a hub is none', async () => {
    const settings = { ...readSettings(pullSettings, { HF_ENDPOINT: 'hub' }), cache: temporary() };
    await assert.rejects(
      pull('org/minilm', { settings, env: {} }),
      withCode('PULL_SOURCE_INVALID', /HF_ENDPOINT is "hub"/),
    );
  });
});
