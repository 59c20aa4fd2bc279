/** The hub over models that the test opens and closes by hand. */
import assert from 'node:assert/strict';
import { MeshError } from '../../chassis/errors.js';
import { createHub, type Hub, type Running } from '../../inference/index.js';
import type { Manifest, Repository, StoredModel } from '../../models/index.js';
import { createVirtualClock, settle } from '../kit/clock.js';
import { type Deferred, defer } from '../kit/defer.js';

const stored = (name: string, version: string, task: Manifest['task'] = 'embed'): StoredModel => ({
  manifest: {
    manifest: 1,
    name,
    version,
    task,
    architecture: 'none',
    precision: 'none',
    files: [],
    digest: `sha256:${name}${version}`,
    maxTokens: 8,
    licence: 'Apache-2.0',
    source: 'a test',
  },
  folder: '/secret/place',
  inferred: false,
});

describe('the hub', () => {
  let opened: { key: string; ready: Deferred<void>; closed: boolean; signal: AbortSignal | undefined }[];
  let all: StoredModel[];
  let verify: (model: StoredModel) => Promise<void>;
  /** Where true, models are ready as soon as they are opened. */
  let atOnce: boolean;

  beforeEach(() => {
    opened = [];
    all = [stored('a', '2'), stored('a', '1'), stored('b', '1'), stored('c', '1', 'classify')];
    verify = async () => {};
    atOnce = true;
  });

  const repository: Repository = {
    list: async () => all,
    async find({ name, version }) {
      const found = all.find(({ manifest }) => manifest.name === name && (!version || manifest.version === version));
      if (!found) throw new MeshError('MODEL_UNKNOWN', `no ${name}`);
      return found;
    },
    verify: (model) => verify(model),
  };

  function create(): Hub<Running> {
    return createHub<Running>({
      repository,
      tasks: ['embed'],
      defaultModel: 'a',
      clock: createVirtualClock(),
      async open({ manifest }) {
        const one = {
          key: `${manifest.name}@${manifest.version}`,
          ready: defer(),
          closed: false,
          signal: undefined as AbortSignal | undefined,
        };
        opened.push(one);
        if (atOnce) one.ready.resolve();
        return {
          manifest,
          warmUp(signal) {
            one.signal = signal;
            return one.ready.promise;
          },
          stats: () => ({}) as never,
          close: async () => {
            one.closed = true;
          },
        };
      },
    });
  }

  const states = async (hub: Hub<Running>): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await hub.list()).map(({ manifest, state }) => [`${manifest.name}@${manifest.version}`, state.at]),
    );

  it('loads a version and leases it by name, by version, and as the default', async () => {
    const hub = create();
    const entry = await hub.load('a@1');
    assert.equal(entry.state.at, 'ready');
    for (const reference of ['', 'a', 'a@1']) {
      const lease = hub.lease(reference);
      assert.equal(lease.model.manifest.version, '1');
      lease.release();
    }
    assert.deepEqual(await states(hub), { 'a@2': 'available', 'a@1': 'ready', 'b@1': 'available' });
  });

  it('answers a name with the newest version that is ready, unless stable points elsewhere', async () => {
    const hub = create();
    await hub.load('a@1');
    await hub.load('a@2');
    assert.equal(hub.lease('a').model.manifest.version, '2');
    hub.setAlias('a', 'stable', '1');
    assert.equal(hub.lease('a').model.manifest.version, '1');
    assert.equal(hub.lease('a:stable').model.manifest.version, '1');
    hub.setAlias('a', 'stable', '2');
    assert.equal(hub.lease('a:stable').model.manifest.version, '2');
    const entries = await hub.list();
    assert.deepEqual(
      entries.map(({ aliases, isDefault }) => [aliases, isDefault]),
      [
        [['stable'], true],
        [[], false],
        [[], false],
      ],
    );
  });

  it('makes one load of two that come at the same time', async () => {
    const hub = create();
    await Promise.all([hub.load('a@1'), hub.load('a@1'), hub.load('a@1')]);
    assert.equal((await hub.load('a@1')).state.at, 'ready');
    assert.deepEqual(
      opened.map(({ key }) => key),
      ['a@1'],
    );
  });

  it('is not ready before the model has answered its warm-up', async () => {
    atOnce = false;
    const hub = create();
    const loading = hub.load('a@1');
    await settle();
    assert.equal((await states(hub))['a@1'], 'loading');
    assert.throws(
      () => hub.lease('a@1'),
      (error: MeshError) => {
        assert.equal(error.code, 'MODEL_NOT_READY');
        assert.equal(error.retryAfterMs, 2_000);
        return true;
      },
    );
    opened[0]?.ready.resolve();
    await loading;
    hub.lease('a@1').release();
  });

  it('says of a version that is loading which others can be asked for', async () => {
    const hub = create();
    await hub.load('a@1');
    atOnce = false;
    void hub.load('a@2');
    await settle();
    assert.throws(() => hub.lease('a@2'), /a@2 is loading: retry in 2 s, or ask for a@1/);
    assert.equal(hub.lease('a').model.manifest.version, '1', 'the old one answers for the name meanwhile');
    opened[1]?.ready.resolve();
    await settle();
    assert.equal(hub.lease('a').model.manifest.version, '2');
  });

  it('lists what there is where a reference means nothing', async () => {
    const hub = create();
    await hub.load('a@1');
    const table: [string, string, RegExp][] = [
      ['x', 'MODEL_UNKNOWN', /no model "x"; there are a, b$/],
      ['a@3', 'VERSION_UNKNOWN', /a has no version "3"; it has 2, 1$/],
      ['a:canary', 'ALIAS_UNKNOWN', /a has no alias "canary"; it has none$/],
      ['c', 'MODEL_WRONG_TASK', /c is a model for classify; this takes models for embed$/],
      ['a b', 'MODEL_REFERENCE_INVALID', /"name@version"/],
      ['b', 'MODEL_NOT_READY', /b@1 is not loaded here/],
    ];
    for (const [reference, code, message] of table) {
      assert.throws(
        () => hub.lease(reference, 'texts.model'),
        (error: MeshError) => {
          assert.equal(error.code, code);
          assert.match(error.message, message);
          if (code !== 'MODEL_NOT_READY') assert.equal(error.violations[0]?.field, 'texts.model');
          return true;
        },
      );
    }
  });

  it('says that it is still starting before it has looked', () => {
    assert.throws(() => create().lease('a'), { code: 'MODEL_NOT_READY' });
  });

  it('keeps the reason of a failed load, and tries again when asked to', async () => {
    const hub = create();
    verify = async () => {
      throw new MeshError('MODEL_CHANGED', 'a@1: onnx/model.onnx differs');
    };
    await assert.rejects(hub.load('a@1'), { code: 'MODEL_CHANGED' });
    const [, entry] = await hub.list();
    assert.deepEqual(entry?.state, { at: 'failed', reason: 'a@1: onnx/model.onnx differs' });
    assert.throws(() => hub.lease('a@1'), { code: 'MODEL_FAILED', message: /onnx\/model.onnx differs/ });
    verify = async () => {};
    await hub.load('a@1');
    hub.lease('a@1').release();
  });

  it('does not show what an unforeseen failure says', async () => {
    const hub = create();
    verify = async (model) => {
      throw new Error(`ENOENT ${model.folder}`);
    };
    await assert.rejects(hub.load('a@1'), (error: MeshError) => {
      assert.equal(error.code, 'MODEL_FAILED');
      assert.doesNotMatch(error.message, /secret/);
      assert.match(String(error.cause), /secret/);
      return true;
    });
    assert.doesNotMatch(JSON.stringify(await hub.list()), /reason.*secret/);
  });

  it('closes a model whose warm-up fails', async () => {
    atOnce = false;
    const hub = create();
    const loading = hub.load('a@1');
    await settle();
    opened[0]?.ready.reject(new MeshError('MODEL_UNSUPPORTED', 'no'));
    await assert.rejects(loading, { code: 'MODEL_UNSUPPORTED' });
    assert.equal(opened[0]?.closed, true);
  });

  it('waits for leases before it closes, and gives no new ones', async () => {
    const hub = create();
    await hub.load('a@1');
    const leases = [hub.lease('a'), hub.lease('a')];
    let unloaded = false;
    const unloading = hub.unload('a@1').then((entry) => {
      unloaded = true;
      return entry;
    });
    await settle();
    assert.throws(() => hub.lease('a'), { code: 'MODEL_NOT_READY', message: /being unloaded/ });
    leases[0]?.release();
    leases[0]?.release(); // twice is harmless
    await settle();
    assert.deepEqual([unloaded, opened[0]?.closed], [false, false]);
    leases[1]?.release();
    assert.equal((await unloading).state.at, 'available');
    assert.equal(opened[0]?.closed, true);
  });

  it('loads again what is being unloaded, once that is done', async () => {
    const hub = create();
    await hub.load('a@1');
    const lease = hub.lease('a');
    const unloading = hub.unload('a@1');
    await settle();
    const loading = hub.load('a@1');
    await settle();
    assert.equal(opened.length, 1);
    lease.release();
    await Promise.all([unloading, loading]);
    assert.deepEqual([opened.length, (await states(hub))['a@1']], [2, 'ready']);
  });

  it('gives up a load that is unloaded', async () => {
    atOnce = false;
    const hub = create();
    const loading = hub.load('a@1');
    const failed = assert.rejects(loading, { code: 'MODEL_NOT_READY' });
    await settle();
    const unloading = hub.unload('a@1');
    await settle();
    assert.equal(opened[0]?.signal?.aborted, true);
    opened[0]?.ready.resolve();
    await failed;
    assert.equal((await unloading).state.at, 'available');
    assert.equal(opened[0]?.closed, true);
  });

  it('unloads what is not loaded without complaint', async () => {
    assert.equal((await create().unload('b')).state.at, 'available');
  });

  it('serves on from a version whose folder has vanished', async () => {
    const hub = create();
    await hub.load('a@1');
    all = all.filter(({ manifest }) => manifest.version !== '1');
    await hub.list();
    hub.lease('a@1').release();
  });

  it('tells its listeners of every change, until they stop', async () => {
    const hub = create();
    let calls = 0;
    const stop = hub.onChange(() => calls++);
    await hub.load('a@1');
    assert.equal(calls, 2, 'loading, ready');
    hub.setAlias('a', 'stable', '1');
    assert.equal(calls, 3);
    stop();
    await hub.unload('a@1');
    assert.equal(calls, 3);
  });

  it('closes everything once leases are back, and loads nothing more', async () => {
    const hub = create();
    await Promise.all([hub.load('a@1'), hub.load('b@1')]);
    await hub.close();
    assert.deepEqual(
      opened.map(({ closed }) => closed),
      [true, true],
    );
    await assert.rejects(hub.load('a@1'), { code: 'SHUTTING_DOWN' });
  });
});
