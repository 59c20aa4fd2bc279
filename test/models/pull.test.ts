import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../chassis/clock.js';
import { readSettings } from '../../chassis/settings.js';
import {
  createRepository,
  modelSettings,
  type PullEvent,
  type PullOptions,
  pull,
  pullSettings,
  type StoredModel,
} from '../../models/index.js';
import { commitOf, gitOid, type Hub, type HubModel, sha256, startHub } from '../kit/hub.js';
import { embedderFiles, temporaryFolders, withCode, writeFiles, writeModel } from '../kit/model-folder.js';

/** Bytes without a pattern, the same every time. */
function noise(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

const INT8 = noise(300_000, 1);
const FP32 = noise(600_000, 2);

const model = (): HubModel => ({
  files: {
    ...embedderFiles,
    'onnx/model_quantized.onnx': INT8,
    'onnx/model.onnx': FP32,
    'onnx/model_fp16.onnx': noise(5_000, 3),
    'onnx/model_fp16.onnx_data': noise(9_000, 4),
    'pytorch_model.bin': noise(5_000, 5),
    'model.safetensors': noise(5_000, 6),
    'modeling_custom.py': 'import os',
    '.gitattributes': '*.onnx filter=lfs',
    'README.md': '---\nlicense: mit\n---\n# A model',
  },
  licence: 'apache-2.0',
  lastModified: '2024-05-01T10:00:00.000Z',
});

/** Time passes at once where a retry would wait; what was waited for is noted. Everything else waits as it should. */
function patientClock(waits: number[], watchMs: number): Clock {
  return {
    ...systemClock,
    after(delayMs, run) {
      if (delayMs === watchMs) return systemClock.after(delayMs, run);
      waits.push(delayMs);
      return systemClock.after(0, run);
    },
  };
}

describe('a pull', () => {
  const temporary = temporaryFolders();
  let hub: Hub;
  beforeEach(async () => {
    hub = await startHub({ 'org/minilm': model() });
  });
  afterEach(() => hub.close());

  interface Run {
    events: PullEvent[];
    waits: number[];
    cache: string;
  }
  const newRun = (): Run => ({ events: [], waits: [], cache: temporary() });

  function options(run: Run, env: Record<string, string> = {}, more: Partial<PullOptions> = {}): PullOptions {
    const all = {
      HF_ENDPOINT: hub.endpoint,
      PLEXUS_CACHE: run.cache,
      HF_HOME: join(run.cache, 'hf'),
      PLEXUS_PULL_STALL_MS: '5000',
      ...env,
    };
    const settings = { ...readSettings(pullSettings, all), ...readSettings(modelSettings, all) };
    return {
      settings,
      env: all,
      onEvent: (event) => run.events.push(event),
      clock: patientClock(run.waits, settings.stallMs),
      random: () => 0.5,
      ...more,
    };
  }
  const pulled = (
    run: Run,
    source = 'org/minilm',
    env: Record<string, string> = {},
    more: Partial<PullOptions> = {},
  ): Promise<StoredModel> => pull(source, options(run, env, more));
  const paths = ({ manifest }: StoredModel): string[] => manifest.files.map(({ path }) => path);
  const asked = (path: string) => hub.requests.filter((request) => request.path.endsWith(path));

  describe('of a hub model', () => {
    it('installs one precision, pinned to the commit, with a manifest that holds', async () => {
      const run = newRun();
      const found = await pulled(run);
      assert.equal(found.manifest.name, 'org/minilm');
      assert.equal(found.manifest.version, `${commitOf('main').slice(0, 12)}-int8`);
      assert.deepEqual(paths(found), [
        'README.md',
        'config.json',
        'onnx/model_quantized.onnx',
        'tokenizer.json',
        'tokenizer_config.json',
      ]);
      assert.equal(found.manifest.licence, 'apache-2.0');
      assert.equal(found.manifest.source, `${hub.endpoint}/org/minilm/tree/${commitOf('main')}`);
      assert.equal(found.manifest.created, '2024-05-01T10:00:00.000Z');
      assert.equal(found.inferred, false);
      assert.deepEqual(readFileSync(join(found.folder, 'onnx/model_quantized.onnx')), INT8);
      await createRepository({ folders: [join(run.cache, 'models')] }).verify(found);
      assert.deepEqual(readdirSync(join(run.cache, 'staging')), []);
    });

    it('takes the precision that is asked for, with its external data', async () => {
      assert.ok(paths(await pulled(newRun(), 'org/minilm', {}, { precision: 'fp32' })).includes('onnx/model.onnx'));
      const half = await pulled(newRun(), 'org/minilm', {}, { precision: 'fp16' });
      assert.deepEqual(
        paths(half).filter((path) => path.startsWith('onnx/')),
        ['onnx/model_fp16.onnx', 'onnx/model_fp16.onnx_data'],
      );
      await assert.rejects(
        pulled(newRun(), 'org/minilm', {}, { precision: 'q4' }),
        withCode('PULL_NOT_FOUND', /there is int8, fp32, fp16/),
      );
    });

    it('never asks for pickles, scripts or other weights', async () => {
      await pulled(newRun());
      for (const path of [
        'pytorch_model.bin',
        'modeling_custom.py',
        '.gitattributes',
        'model.safetensors',
        'onnx/model.onnx',
      ])
        assert.deepEqual(asked(path), []);
    });

    it('takes an older form of tokenizer where there is no tokenizer.json, and only then', async () => {
      const { 'tokenizer.json': tokenizer, ...others } = model().files;
      const files = { ...others, 'vocab.txt': '[UNK]', 'merges.txt': '', 'spiece.model': 'x' };
      hub.models.set('org/old', { files });
      assert.deepEqual(
        paths(await pulled(newRun(), 'org/old')).filter((path) => /vocab|merges|model$|tokenizer\.json/.test(path)),
        ['vocab.txt'],
      );
      hub.models.set('org/marian', { files: { ...others, 'vocab.json': '{}', 'source.spm': 'x', 'target.spm': 'x' } });
      const marian = paths(await pulled(newRun(), 'org/marian')).filter((path) => /vocab|spm$/.test(path));
      assert.deepEqual(marian.sort(), ['source.spm', 'vocab.json']);
      hub.models.set('org/new', { files: { ...files, 'tokenizer.json': tokenizer as string } });
      assert.ok(!paths(await pulled(newRun(), 'org/new')).includes('vocab.txt'));
    });

    it('takes the merged decoder alone where there is one', async () => {
      const parts = ['encoder_model', 'decoder_model', 'decoder_with_past_model'].map(
        (part) => [`onnx/${part}.onnx`, noise(5_000, 7)] as const,
      );
      const files = {
        'config.json': '{"architectures":["T5ForConditionalGeneration"]}',
        'tokenizer.json': '{}',
        ...Object.fromEntries(parts),
      };
      hub.models.set('org/t5', { files });
      const graphs = async (id: string) => paths(await pulled(newRun(), id)).filter((path) => path.endsWith('.onnx'));
      assert.deepEqual(await graphs('org/t5'), [
        'onnx/decoder_model.onnx',
        'onnx/decoder_with_past_model.onnx',
        'onnx/encoder_model.onnx',
      ]);
      hub.models.set('org/t5-merged', { files: { ...files, 'onnx/decoder_model_merged.onnx': noise(5_000, 8) } });
      assert.deepEqual(await graphs('org/t5-merged'), ['onnx/decoder_model_merged.onnx', 'onnx/encoder_model.onnx']);
    });

    it('understands branches, tags, commits and page addresses', async () => {
      const old = commitOf('old');
      hub.models.set('org/minilm', { ...model(), refs: { 'v1.0': old } });
      assert.match((await pulled(newRun(), 'org/minilm@v1.0')).manifest.version, new RegExp(`^${old.slice(0, 12)}`));
      assert.match((await pulled(newRun(), `org/minilm@${old}`)).manifest.version, new RegExp(`^${old.slice(0, 12)}`));
      assert.match(
        (await pulled(newRun(), `${hub.endpoint}/org/minilm/tree/v1.0`)).manifest.version,
        new RegExp(`^${old.slice(0, 12)}`),
      );
      await assert.rejects(pulled(newRun(), 'org/minilm@v9'), withCode('PULL_NOT_FOUND', /RevisionNotFound/));
    });

    it('follows the pages of a long list of files', async () => {
      hub.pageSize = 3;
      assert.equal(paths(await pulled(newRun())).length, 5);
      assert.ok(hub.requests.filter(({ path }) => path.includes('/tree/')).length >= 4);
    });

    it('asks the network nothing for a commit that is installed, and once for a branch', async () => {
      const run = newRun();
      await pulled(run);
      hub.requests.length = 0;
      await pulled(run, `org/minilm@${commitOf('main')}`);
      assert.equal(hub.requests.length, 0);
      await pulled(run);
      assert.deepEqual(
        hub.requests.map(({ path }) => path.split('/').at(-2)),
        ['revision', 'tree'],
      );
      assert.equal(run.events.filter((event) => event.at === 'installed' && event.already).length, 2);
    });

    it('tells its progress, up to the last byte', async () => {
      const run = newRun();
      await pulled(run);
      const bytes = run.events.filter((event) => event.at === 'bytes');
      const last = bytes.at(-1);
      assert.ok(last && last.totalBytes === last.totalOf && last.totalOf > INT8.length);
      assert.ok(bytes.length > 5);
    });
  });

  describe('and its token', () => {
    it('goes to the hub and never to the storage it redirects to', async () => {
      hub.models.set('org/minilm', { ...model(), token: 'hf_secret' });
      const run = newRun();
      await pulled(run, 'org/minilm', { HF_TOKEN: 'hf_secret' });
      assert.ok(
        hub.requests
          .filter(({ origin }) => origin === 'hub')
          .every(({ authorization }) => authorization === 'Bearer hf_secret'),
      );
      const storage = hub.requests.filter(({ origin }) => origin === 'storage');
      assert.ok(storage.length > 0 && storage.every(({ authorization }) => authorization === undefined));
    });

    it('is found in HF_HOME, where the tools of the hub leave it', async () => {
      hub.models.set('org/minilm', { ...model(), token: 'hf_file' });
      const run = newRun();
      writeFiles(join(run.cache, 'hf'), { token: 'hf_file\n' });
      await pulled(run);
    });

    it('is asked for where it is missing or not enough', async () => {
      hub.models.set('org/minilm', { ...model(), token: 'hf_secret' });
      await assert.rejects(pulled(newRun()), withCode('PULL_UNAUTHORIZED', /set HF_TOKEN/));
      await assert.rejects(pulled(newRun(), 'org/minilm', { HF_TOKEN: 'hf_wrong' }), (error: Error) => {
        assert.ok(!error.message.includes('hf_wrong'));
        return withCode('PULL_UNAUTHORIZED')(error);
      });
      hub.models.set('org/minilm', { ...model(), gated: true });
      await assert.rejects(pulled(newRun()), withCode('PULL_UNAUTHORIZED', /conditions/));
      await assert.rejects(pulled(newRun(), 'org/unknown'), withCode('PULL_UNAUTHORIZED', /no such model/));
    });
  });

  describe('over a bad line', () => {
    it('goes on where a broken connection left it', async () => {
      hub.fault('onnx/model_quantized.onnx', { kind: 'cut', after: 100_000 }, { kind: 'cut', after: 50_000 });
      const run = newRun();
      const found = await pulled(run);
      assert.deepEqual(readFileSync(join(found.folder, 'onnx/model_quantized.onnx')), INT8);
      const ranges = asked('onnx/model_quantized.onnx').filter(({ origin }) => origin === 'storage');
      assert.equal(ranges[0]?.range, undefined);
      assert.match(ranges[1]?.range ?? '', /^bytes=\d+-$/);
      assert.equal(ranges[1]?.ifRange, `"${sha256(INT8).slice(0, 32)}"`);
      assert.equal(ranges.length, 3);
      const sent = hub.sent.get('onnx/model_quantized.onnx') ?? 0;
      assert.ok(sent < INT8.length * 1.5, `${sent} bytes were sent for a file of ${INT8.length}`);
    });

    it('starts again where the server ignores ranges', async () => {
      hub.fault('onnx/model_quantized.onnx', { kind: 'cut', after: 100_000 }, { kind: 'ignore-range' });
      const found = await pulled(newRun());
      assert.deepEqual(readFileSync(join(found.folder, 'onnx/model_quantized.onnx')), INT8);
    });

    it('waits as long as the server asks, and with jitter where it does not', async () => {
      hub.fault(
        'config.json',
        { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
        { kind: 'status', status: 503 },
        { kind: 'reset' },
      );
      const run = newRun();
      await pulled(run);
      // 7 s and a quarter of the jittered 250 ms; then half of 1 s and of 2 s, the random number being 0.5.
      assert.deepEqual(run.waits, [7_063, 500, 1_000]);
    });

    it('understands a date in Retry-After, and the RateLimit header', async () => {
      hub.fault(
        'revision/main',
        { kind: 'status', status: 503, headers: { 'retry-after': new Date(Date.now() + 60_000).toUTCString() } },
        { kind: 'status', status: 429, headers: { ratelimit: '"api";r=0;t=9' } },
      );
      const run = newRun();
      await pulled(run);
      assert.ok((run.waits[0] ?? 0) > 50_000 && (run.waits[0] ?? 0) < 62_000, String(run.waits[0]));
      assert.equal(run.waits[1], 9_125);
    });

    it('gives up after its tries, and keeps what it has for the next pull', async () => {
      hub.fault(
        'onnx/model_quantized.onnx',
        { kind: 'cut', after: 200_000 },
        ...Array.from({ length: 3 }, () => ({ kind: 'status', status: 500 }) as const),
      );
      const run = newRun();
      await assert.rejects(pulled(run, 'org/minilm', { PLEXUS_PULL_TRIES: '4' }), withCode('PULL_UNAVAILABLE', /500/));
      assert.ok(!existsSync(join(run.cache, 'models')));
      const before = hub.sent.get('onnx/model_quantized.onnx') ?? 0;
      await pulled(run);
      const again = (hub.sent.get('onnx/model_quantized.onnx') ?? 0) - before;
      assert.ok(again < INT8.length, `${again} of ${INT8.length} bytes were sent again`);
      assert.ok(run.events.some((event) => event.at === 'file' && event.from === 'staged'));
      assert.ok(run.events.some((event) => event.at === 'file' && event.from === 'resumed'));
    });

    it('does not wait for a server that wants more patience than is reasonable', async () => {
      hub.fault('revision/main', { kind: 'status', status: 429, headers: { 'retry-after': '86400' } });
      await assert.rejects(pulled(newRun()), (error: { retryAfterMs?: number }) => {
        assert.equal(error.retryAfterMs, 86_400_000);
        return withCode('PULL_UNAVAILABLE')(error);
      });
    });

    it('drops a connection that only drips, and goes on with a new one', async () => {
      hub.fault('onnx/model_quantized.onnx', { kind: 'drip', everyMs: 20 });
      const run = newRun();
      await pulled(run, 'org/minilm', { PLEXUS_PULL_STALL_MS: '300' });
      assert.ok(run.events.some((event) => event.at === 'retry' && /sent less than/.test(event.why)));
    });

    it('drops a connection that has gone silent', async () => {
      hub.fault('onnx/model_quantized.onnx', { kind: 'hold', after: 1_000 });
      await pulled(newRun(), 'org/minilm', { PLEXUS_PULL_STALL_MS: '300' });
    });

    it('stops at once when it is told to', async () => {
      hub.fault('onnx/model_quantized.onnx', { kind: 'hold', after: 1_000 });
      const stop = new AbortController();
      void hub.untilSent('onnx/model_quantized.onnx', 1_000).then(() => stop.abort());
      await assert.rejects(pulled(newRun(), 'org/minilm', {}, { signal: stop.signal }), withCode('CANCELLED'));
    });

    it('says that a hub cannot be reached', async () => {
      await assert.rejects(
        pulled(newRun(), 'org/minilm', { HF_ENDPOINT: 'http://127.0.0.1:9', PLEXUS_PULL_TRIES: '2' }),
        withCode('PULL_UNAVAILABLE', /127\.0\.0\.1:9 cannot be reached/),
      );
    });
  });

  describe('checks what it gets', () => {
    it('by sha256 for large files: fetched once more, then refused', async () => {
      hub.fault('onnx/model_quantized.onnx', { kind: 'corrupt' });
      const run = newRun();
      await pulled(run);
      assert.ok(run.events.some((event) => event.at === 'retry' && /has sha256/.test(event.why)));
      hub.fault('onnx/model_quantized.onnx', { kind: 'corrupt' }, { kind: 'corrupt' });
      const second = newRun();
      await assert.rejects(pulled(second), withCode('PULL_CORRUPT', /onnx\/model_quantized\.onnx: has sha256/));
      assert.ok(!existsSync(join(second.cache, 'models')));
    });

    it("by git's object id for small files", async () => {
      hub.fault('tokenizer.json', { kind: 'corrupt' }, { kind: 'corrupt' });
      await assert.rejects(pulled(newRun()), withCode('PULL_CORRUPT', /tokenizer\.json: has git object id/));
    });

    it('by the header, where the list of files has no hash of the content', async () => {
      hub.announce('onnx/model_quantized.onnx', { drop: true });
      await pulled(newRun());
      hub.fault('onnx/model_quantized.onnx', { kind: 'corrupt' }, { kind: 'corrupt' });
      await assert.rejects(pulled(newRun()), withCode('PULL_CORRUPT', /has sha256/));
    });

    it('against the length that was announced', async () => {
      hub.fault('onnx/model_quantized.onnx', { kind: 'longer' });
      await assert.rejects(pulled(newRun()), withCode('PULL_CORRUPT', /longer than/));
    });

    it('against what the list of files said', async () => {
      hub.announce('onnx/model_quantized.onnx', { sha256: sha256('other') });
      await assert.rejects(pulled(newRun()), withCode('PULL_CORRUPT', /answers with sha256/));
      hub.announce('onnx/model_quantized.onnx', { size: 299_999 });
      await assert.rejects(pulled(newRun()), withCode('PULL_CORRUPT', /answers with size/));
    });
  });

  describe('refuses', () => {
    it('a model beyond the size limit, before a byte of it has come', async () => {
      await assert.rejects(
        pulled(newRun(), 'org/minilm', { PLEXUS_PULL_BYTES_MAX: '100000' }),
        withCode('PULL_REFUSED', /the limit is 100000/),
      );
      assert.deepEqual(
        hub.requests.filter(({ path }) => path.includes('/resolve/')),
        [],
      );
    });

    it('a model without ONNX weights, naming what there is instead', async () => {
      hub.models.set('org/torch', {
        files: { 'config.json': '{}', 'tokenizer.json': '{}', 'model.safetensors': noise(5_000, 1) },
      });
      await assert.rejects(pulled(newRun(), 'org/torch'), withCode('MODEL_UNSUPPORTED', /only model\.safetensors/));
    });

    it('paths that lead out of the folder: they are on no list of wanted files', async () => {
      hub.models.set('org/evil', {
        files: { ...model().files, '../../evil.json': '{}', 'onnx/../../../model.onnx': FP32 },
      });
      const run = newRun();
      assert.ok(paths(await pulled(run, 'org/evil')).every((path) => !path.includes('..')));
    });

    const sources = [
      '',
      '../minilm',
      'org/../minilm',
      'org/minilm@',
      'org/minilm@a@b',
      'a/b/c',
      'ftp://host/x',
      'https://user:pass@host/x/',
      'http://models.example/x/',
      'org/minilm@../x',
      'org/mini lm',
    ];
    for (const source of sources) {
      it(`the source ${JSON.stringify(source)}`, async () => {
        await assert.rejects(pulled(newRun(), source), withCode('PULL_SOURCE_INVALID'));
        assert.equal(hub.requests.length, 0);
      });
    }

    it('a redirect to an address that is not encrypted', async () => {
      hub.fault('revision/main', { kind: 'status', status: 302, headers: { location: 'http://elsewhere.example/x' } });
      await assert.rejects(pulled(newRun()), withCode('PULL_REFUSED', /not https/));
    });

    it('two pulls of one model at once', async () => {
      const run = newRun();
      hub.fault('onnx/model_quantized.onnx', { kind: 'hold', after: 1_000 });
      const stop = new AbortController();
      const first = pulled(run, 'org/minilm', {}, { signal: stop.signal });
      await hub.untilSent('onnx/model_quantized.onnx', 1_000);
      await assert.rejects(pulled(run), withCode('PULL_UNAVAILABLE', /already/));
      stop.abort();
      await assert.rejects(first, withCode('CANCELLED'));
    });
  });

  describe('offline', () => {
    it('answers from what was pulled, by branch and by commit', async () => {
      const run = newRun();
      const online = await pulled(run);
      await hub.close();
      const offline = await pulled(run, 'org/minilm', { HF_HUB_OFFLINE: '1' });
      assert.equal(offline.manifest.digest, online.manifest.digest);
      await pulled(run, `org/minilm@${commitOf('main')}`, { HF_HUB_OFFLINE: '1' });
      await assert.rejects(
        pulled(run, 'org/other', { HF_HUB_OFFLINE: '1' }),
        withCode('PULL_UNAVAILABLE', /HF_HUB_OFFLINE/),
      );
      hub = await startHub();
    });

    /** As the tools of the hub lay out their cache. */
    function fillHubCache(home: string, files: Record<string, Buffer | string>): void {
      const repository = join(home, 'hub', 'models--org--minilm');
      const snapshot = join(repository, 'snapshots', commitOf('main'));
      mkdirSync(join(snapshot, 'onnx'), { recursive: true });
      writeFiles(repository, { 'refs/main': commitOf('main') });
      for (const [path, content] of Object.entries(files)) {
        const bytes = Buffer.from(content);
        const name = bytes.length >= 4_096 ? sha256(bytes) : gitOid(bytes);
        writeFiles(repository, { [`blobs/${name}`]: bytes });
        symlinkSync(join(repository, 'blobs', name), join(snapshot, path));
      }
    }

    it("answers from the cache of the hub's own tools", async () => {
      const run = newRun();
      const {
        'onnx/model_quantized.onnx': weights,
        'config.json': config,
        'tokenizer.json': tokenizer,
      } = model().files;
      fillHubCache(join(run.cache, 'hf'), {
        'onnx/model_quantized.onnx': weights as Buffer,
        'config.json': config as string,
        'tokenizer.json': tokenizer as string,
      });
      const found = await pulled(run, 'org/minilm', { HF_HUB_OFFLINE: '1' });
      assert.equal(found.manifest.name, 'org/minilm');
      assert.match(found.manifest.version, /-int8$/);
      assert.equal(hub.requests.length, 0);
    });

    it('online, takes from that cache what it has, after checking it', async () => {
      const run = newRun();
      fillHubCache(join(run.cache, 'hf'), { 'onnx/model_quantized.onnx': INT8 });
      const found = await pulled(run);
      assert.deepEqual(asked('onnx/model_quantized.onnx'), []);
      assert.deepEqual(readFileSync(join(found.folder, 'onnx/model_quantized.onnx')), INT8);
      const other = newRun();
      fillHubCache(join(other.cache, 'hf'), { 'onnx/model_quantized.onnx': INT8 });
      writeFileSync(join(other.cache, 'hf/hub/models--org--minilm/blobs', sha256(INT8)), noise(INT8.length, 99));
      assert.deepEqual(readFileSync(join((await pulled(other)).folder, 'onnx/model_quantized.onnx')), INT8);
      assert.notDeepEqual(asked('onnx/model_quantized.onnx'), []);
    });
  });

  describe('of an address with a manifest', () => {
    let server: Server;
    let root: string;
    let address: string;
    beforeEach(async () => {
      root = temporary();
      server = createServer((request, response) => {
        const path = join(root, decodeURIComponent(request.url ?? ''));
        if (existsSync(path)) response.end(readFileSync(path));
        else response.writeHead(404).end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/minilm/1/`;
    });
    afterEach(() => void server.close());

    it('installs what the manifest lists', async () => {
      const written = await writeModel(join(root, 'minilm/1'), embedderFiles);
      const run = newRun();
      const found = await pulled(run, address);
      assert.deepEqual(found.manifest, written);
      assert.equal((await pulled(run, `${address}manifest.json`)).manifest.digest, written.digest);
      await pulled(newRun(), address, {}, { digest: written.digest });
      await assert.rejects(
        pulled(newRun(), address, {}, { digest: `sha256:${'0'.repeat(64)}` }),
        withCode('PULL_CORRUPT'),
      );
    });

    it('refuses files that differ from it, and manifests that are none', async () => {
      await writeModel(join(root, 'minilm/1'), embedderFiles);
      writeFileSync(join(root, 'minilm/1/onnx/model_quantized.onnx'), 'WEIGHTS OF EIGHT BITS');
      await assert.rejects(pulled(newRun(), address), withCode('PULL_CORRUPT', /model_quantized/));
      await assert.rejects(pulled(newRun(), address.replace('/1/', '/2/')), withCode('PULL_NOT_FOUND'));
      await writeModel(join(root, 'minilm/1'), embedderFiles, (manifest) => ({
        ...manifest,
        files: [{ path: '../../../etc/passwd', bytes: 1, sha256: '0'.repeat(64) }],
      }));
      await assert.rejects(pulled(newRun(), address), withCode('MANIFEST_INVALID', /files\[0\]\.path/));
    });

    it('refuses pickles and scripts', async () => {
      await writeModel(join(root, 'minilm/1'), { ...embedderFiles, 'weights.bin': 'pickle' });
      await assert.rejects(
        pulled(newRun(), address),
        withCode('PULL_REFUSED', /weights\.bin is not on the allow list/),
      );
    });
  });

  describe('of a folder', () => {
    it('copies a plain folder and infers its manifest', async () => {
      const root = temporary();
      writeFiles(join(root, 'mine'), { ...embedderFiles, 'train.py': 'import os', 'optimizer.pt': 'pickle' });
      const run = newRun();
      const found = await pulled(run, `file:${join(root, 'mine')}`, {}, { version: '3' });
      assert.equal(`${found.manifest.name}@${found.manifest.version}`, 'mine@3');
      assert.ok(!paths(found).some((path) => path === 'train.py' || path === 'optimizer.pt'));
      assert.equal(hub.requests.length, 0);
    });

    it('refuses other files under a version that is taken', async () => {
      const root = temporary();
      writeFiles(join(root, 'mine'), embedderFiles);
      const run = newRun();
      await pulled(run, `file:${join(root, 'mine')}`);
      await pulled(run, `file:${join(root, 'mine')}`);
      writeFiles(join(root, 'mine'), { 'tokenizer.json': '{"version":"2.0"}' });
      await assert.rejects(pulled(run, `file:${join(root, 'mine')}`), withCode('MODEL_CHANGED', /mine@1 is installed/));
    });

    it('refuses links that lead out of it', async () => {
      const root = temporary();
      writeFiles(root, { 'secret.json': '{}' });
      writeFiles(join(root, 'mine'), embedderFiles);
      symlinkSync(join(root, 'secret.json'), join(root, 'mine', 'generation_config.json'));
      await assert.rejects(
        pulled(newRun(), `file:${join(root, 'mine')}`),
        withCode('PULL_REFUSED', /generation_config\.json is a link/),
      );
    });

    it('refuses a folder that does not fit its manifest', async () => {
      const root = temporary();
      await writeModel(join(root, 'mine'), embedderFiles);
      writeFiles(join(root, 'mine'), { 'tokenizer.json': '{"version":"2.0"}' });
      await assert.rejects(
        pulled(newRun(), `file:${join(root, 'mine')}`),
        withCode('MODEL_CHANGED', /tokenizer\.json/),
      );
    });
  });
});
