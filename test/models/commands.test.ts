import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatBytes, formatDuration } from '../../cli/models/format.js';
import { drawBar } from '../../cli/models/pull-progress.js';
import { run } from '../../cli/plexus.js';
import type { Manifest } from '../../models/index.js';
import { type Hub, startHub } from '../kit/hub.js';
import { embedderFiles, temporaryFolders, writeFiles } from '../kit/model-folder.js';
import { sharedOrSkip } from '../kit/shared.js';

describe('plexus models', () => {
  const temporary = temporaryFolders();
  let hub: Hub;
  let cache: string;
  let env: Record<string, string>;
  before(async () => {
    hub = await startHub({
      'org/minilm': {
        files: { ...embedderFiles, 'onnx/model_quantized.onnx': Buffer.alloc(50_000, 7) },
        licence: 'mit',
      },
    });
  });
  after(() => hub.close());
  beforeEach(() => {
    cache = temporary();
    env = { HF_ENDPOINT: hub.endpoint, PLEXUS_CACHE: cache, HF_HOME: join(cache, 'hf') };
  });

  async function type(args: string[], isTTY = false): Promise<{ out: string; err: string; code: number }> {
    let [out, err] = ['', ''];
    const code = await run(['models', ...args], {
      stdout: { write: (text: string) => (out += text) },
      stderr: { write: (text: string) => (err += text) },
      isTTY,
      env,
    });
    return { out, err, code: code ?? 0 };
  }

  it('pulls, lists, shows, verifies and removes', async () => {
    const pulled = await type(['pull', 'org/minilm']);
    assert.deepEqual(
      [pulled.code, pulled.err.split('\n')[0]?.replace(/commit \w+/, 'commit')],
      [0, 'org/minilm@b28b7af69320-int8: 4 files, 50.1 kB, commit'],
    );
    assert.match(pulled.out, /^org\/minilm@b28b7af69320-int8 installed: embed, int8, 50\.1 kB\n$/);
    assert.match((await type(['pull', 'org/minilm'])).out, /is here already/);

    const listed = await type(['list', '--task', 'embed']);
    assert.match(listed.out, /^name +version +task +architecture +precision +size +tokens +quality +licence\n/);
    assert.match(listed.out, /^org\/minilm +b28b7af69320-int8 +embed +bert +int8 +50\.1 kB +32 +mit$/m);
    const { models } = JSON.parse((await type(['list', '--json'])).out) as { models: (Manifest & { bytes: number })[] };
    assert.equal(models.find(({ name }) => name === 'org/minilm')?.maxTokens, 32);

    const shown = await type(['show', 'org/minilm']);
    assert.match(shown.out, /^vectors +8 long, mean pooling, unit length$/m);
    assert.match(shown.out, /^onnx\/model_quantized\.onnx +50000 +[0-9a-f]{64}$/m);
    assert.equal((JSON.parse((await type(['show', 'org/minilm', '--json'])).out) as Manifest).licence, 'mit');

    assert.match((await type(['verify', 'org/minilm'])).out, /^ok +org\/minilm@b28b7af69320-int8/);
    writeFileSync(join(cache, 'models/org/minilm/b28b7af69320-int8/tokenizer.json'), '{"version":"6.0"}');
    const changed = await type(['verify', 'org/minilm']);
    assert.equal(changed.code, 1);
    assert.match(changed.out, /^CHANGED .*tokenizer\.json has sha256/);
    assert.match(changed.err, /^error MODEL_CHANGED: 1 of 1 models/);

    const removed = await type(['remove', 'org/minilm@b28b7af69320-int8']);
    assert.match(removed.out, /removed: 50\.1 kB freed/);
    assert.ok(!existsSync(join(cache, 'models/org')));
  });

  it('lists, shows and verifies every starter model', async () => {
    const { models, problems } = JSON.parse((await type(['list', '--json'])).out) as {
      models: Manifest[];
      problems: unknown[];
    };
    assert.deepEqual(problems, []);
    assert.ok(models.length >= 4);
    for (const { name, version, task } of models) {
      const { out } = await type(['show', `${name}@${version}`]);
      assert.match(
        out,
        new RegExp(
          `^${{ embed: 'vectors', classify: 'labels', summarize: 'summaries', tokenize: 'tokens', infer: 'tensors' }[task]} +`,
          'm',
        ),
      );
      assert.match(out, /^digest +sha256:/m);
    }
    const { out, code } = await type(['verify']);
    assert.equal(code, 0);
    assert.equal(out.match(/^ok /gm)?.length, models.length);
  });

  it('draws a bar on a terminal, and takes it away', async () => {
    const { err } = await type(['pull', 'org/minilm'], true);
    assert.match(err, /\[#{24}\] 100 % {2}50\.1 kB of 50\.1 kB/);
    // What stays on the screen: after the last bar, nothing but plain lines.
    const kept = err.split('\r\x1b[K').filter((piece) => !piece.startsWith('['));
    assert.match(kept.at(-1) ?? '', /^ {2}\S+ [\d.]+ k?B\n$/);
    assert.equal(
      drawBar(9_600_000, 22_900_000, 4_100_000),
      '[##########..............] 41 %  9.6 MB of 22.9 MB  4.1 MB/s  3 s left',
    );
    assert.equal(drawBar(0, 0, undefined), '[########################] 100 %  0 B of 0 B');
  });

  it('prints sizes and times for people', () => {
    assert.deepEqual([999, 1_000, 22_949_000, 999_960, 5e12].map(formatBytes), [
      '999 B',
      '1.0 kB',
      '22.9 MB',
      '1.0 MB',
      '5.0 TB',
    ]);
    assert.deepEqual([400, 59_400, 200_000, 7_500_000].map(formatDuration), ['0 s', '59 s', '3 min 20 s', '2 h 5 min']);
  });

  it('imports a folder, and quantizing one that is no fp32 model says why not', async () => {
    const folder = join(temporary(), 'mine');
    writeFiles(folder, embedderFiles);
    assert.match((await type(['import', folder, '--as', '2'])).out, /^mine@2 installed/);
    const { err, code } = await type(['quantize', 'mine']);
    assert.equal(code, 1);
    assert.match(err, /^error MODEL_UNSUPPORTED: mine@2 is int8 and has no fp32 graph/);
  });

  it('collects what broken pulls and old versions leave', async () => {
    for (const version of ['1', '2', '3']) {
      const folder = join(temporary(), 'mine');
      writeFiles(folder, { ...embedderFiles, 'README.md': version });
      await type(['import', folder, '--as', version]);
    }
    writeFiles(join(cache, 'staging/org--gone--abc'), {
      'files/onnx/model.onnx.part': Buffer.alloc(1_000),
      lock: '999999999',
    });
    const dry = await type(['gc', '--keep', '1', '--dry-run']);
    assert.match(dry.out, /^would remove unfinished org--gone--abc: 1\.0 kB$/m);
    assert.ok(existsSync(join(cache, 'models/mine/1')));
    const { out } = await type(['gc', '--keep', '1']);
    assert.match(out, /^removed mine@1: /m);
    assert.match(out, /^3 removed, /m);
    assert.ok(
      !existsSync(join(cache, 'staging/org--gone--abc')) &&
        existsSync(join(cache, 'models/mine/3')) &&
        !existsSync(join(cache, 'models/mine/2')),
    );
  });

  const wrong: [string[], RegExp][] = [
    [['remove', 'mine'], /^error USAGE: say which version/],
    [['pull', 'org/minilm', '--precision', 'int7'], /^error USAGE: --precision takes int8, fp16, fp32, q4/],
    [['gc', '--keep', 'none'], /^error USAGE: --keep/],
    [['pull'], /missing required argument/],
    [['fly'], /unknown command|too many arguments/],
    [['quantize', 'wordpiece-en', '--sample', 'no/such'], /^error USAGE: --sample: no\/such cannot be read/],
  ];
  for (const [args, message] of wrong) {
    it(`answers "models ${args.join(' ')}" with exit code 2`, async () => {
      const { err, code } = await type(args);
      assert.match(err, message);
      assert.equal(code, 2);
    });
  }

  it('answers what failed with exit code 1 and a code', async () => {
    for (const [args, message] of [
      [['show', 'nothing'], /^error MODEL_UNKNOWN: /],
      [['pull', 'org/nothing'], /^error PULL_UNAUTHORIZED: /],
      [['pull', 'a b'], /^error PULL_SOURCE_INVALID: /],
      [['remove', 'wordpiece-en@1'], /^error PERMISSION_DENIED: .* was not installed into the cache/],
    ] as const) {
      const { err, code } = await type([...args]);
      assert.match(err, message);
      assert.equal(code, 1);
    }
  });

  it('quantizes a real model, measures it, and says so', async function () {
    this.timeout(60_000);
    await type(['import', sharedOrSkip(this, 'models/tiny-bert-sst2'), '--precision', 'fp32']);
    const { out, err, code } = await type(['quantize', 'tiny-bert-sst2']);
    assert.equal(code, 0, err);
    assert.match(
      out,
      /^tiny-bert-sst2@1-int8 installed: 17\.6 MB to 4\.\d MB\nspeed [\d.]+ to [\d.]+ texts\/s .*\ndrift: cosine (?:1|0\.99\d+) on average, .* same label [\d.]+ %\n$/,
    );
    const manifest = JSON.parse((await type(['show', 'tiny-bert-sst2', '--json'])).out) as Manifest;
    assert.equal(manifest.version, '1-int8');
    assert.equal(manifest.derived?.from, 'tiny-bert-sst2@1');
    assert.ok((manifest.derived?.drift?.cosineMin ?? 0) > 0.9);
    // The version is taken now.
    assert.match(
      (await type(['quantize', 'tiny-bert-sst2@1', '--no-measure'])).err,
      /error MODEL_CHANGED: tiny-bert-sst2@1-int8 exists/,
    );
  });
});
