/** Prepared copies, made by onnxruntime itself in the workers of an encoder. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '../../chassis/settings.js';
import { openEncoder } from '../../inference/index.js';
import { processMemory } from '../../inference/memory.js';
import { preparedFile, preparedFolder } from '../../inference/prepared.js';
import { inferenceSettings } from '../../inference/settings.js';
import { beginTrial, isDeadly } from '../../inference/trial.js';
import { temporaryFolders } from '../kit/model-folder.js';
import { starter } from '../kit/starter.js';

const run = { signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY };

describe('prepared models', () => {
  const temporary = temporaryFolders();

  /** The vector of a text, by an encoder that keeps prepared copies in `cache` ("" for none). */
  async function vector(cache: string, workers = 2): Promise<Float32Array> {
    const model = await starter('minilm-l3-en');
    const settings = { ...readSettings(inferenceSettings, {}), preparedFolder: cache, workers };
    const encoder = await openEncoder(model, settings);
    try {
      const post = { kind: 'pool', pooling: 'mean', normalize: true } as const;
      const { output } = await encoder.run({ ids: encoder.tokenizer.encodeIds('a text of some words') }, post, run);
      return output.slice();
    } finally {
      await encoder.close();
    }
  }

  it('give the very numbers of the model they were made from, at the first load and at later ones', async function () {
    this.timeout(60_000);
    const cache = join(temporary(), 'prepared');
    const plain = await vector('');
    const before = processMemory.takenBytes;
    assert.deepEqual(await vector(cache), plain);
    const copies = (): string[] => readdirSync(cache).filter((name) => name !== 'shapes.json');
    const [made, ...others] = copies() as [string, ...string[]];
    assert.deepEqual(others, []);
    assert.deepEqual(readdirSync(join(cache, made)).sort(), ['model.data', 'model.onnx', 'sizes.json']);
    assert.deepEqual(await vector(cache), plain);
    assert.deepEqual(copies(), [made]);
    assert.equal(processMemory.takenBytes, before, 'memory was not given back');

    truncateSync(join(cache, made, 'model.data'), 1_000);
    assert.deepEqual(await vector(cache), plain, 'a copy that was cut short is made anew');
    writeFileSync(join(cache, made, 'model.onnx'), Buffer.alloc(readFileSync(join(cache, made, 'model.onnx')).length));
    assert.deepEqual(await vector(cache, 1), plain, 'a copy that cannot be opened is left alone');
    assert.ok(!existsSync(join(cache, made)), 'and is gone');
  });

  it('put every weight where a kernel may load it, whatever its size', async function () {
    this.timeout(60_000);
    const cache = join(temporary(), 'prepared');
    const model = await starter('langid'); // its last Gemm has 119 columns: onnxruntime writes them to no such place
    const settings = { ...readSettings(inferenceSettings, {}), preparedFolder: cache, workers: 1 };
    const encoder = await openEncoder(model, settings);
    await encoder.close();
    const [made] = readdirSync(cache) as [string];
    const graph = readFileSync(join(cache, made, 'model.onnx'), 'latin1');
    const repacked = [...graph.matchAll(/\|(\d+);\d+;/g)].map((match) => Number(match[1]));
    const mapped = [...graph.matchAll(/offset..(\d+)/gs)].map((match) => Number(match[1]));
    assert.ok(repacked.length >= 1 && mapped.length >= 2, `${repacked.length} repacked, ${mapped.length} mapped`);
    for (const offset of [...repacked, ...mapped]) assert.equal(offset % 64, 0, `a weight at ${offset}`);
  });

  it('are not tried again where two processes ended over them, but after one they are', async () => {
    const folder = join(temporary(), 'copy');
    mkdirSync(folder);
    const ended = beginTrial(folder);
    assert.equal(readdirSync(folder).length, 1);
    assert.equal(isDeadly(folder), false, 'ours is under way');
    ended();
    assert.deepEqual(readdirSync(folder), []);
    const script = `import('${new URL('../../inference/trial.js', import.meta.url).href}').then(({ beginTrial }) => {
      beginTrial(process.argv[1]);
      process.kill(process.pid, 'SIGKILL');
    })`;
    for (const deadly of [false, true]) {
      const { signal } = spawnSync(process.execPath, ['-e', script, folder]);
      assert.equal(signal, 'SIGKILL');
      assert.equal(isDeadly(folder), deadly);
    }
    const file = await preparedFile('plain.onnx', folder, () => assert.fail('it was made anew'));
    assert.equal(file, 'plain.onnx');
  });

  it('are done without where they cannot be kept', async () => {
    const file = join(temporary(), 'a-file');
    writeFileSync(file, '');
    const create = (): Promise<never> => Promise.reject(new Error('no'));
    assert.equal(await preparedFile('plain.onnx', join(file, 'x'), create), 'plain.onnx');
    const cache = temporary();
    assert.equal(await preparedFile('plain.onnx', join(cache, 'x'), create), 'plain.onnx');
    assert.deepEqual(readdirSync(cache), [], 'a draft was left behind');
  });

  it('are others for another model, file, and version of the runtime', () => {
    const names = [
      ['d1', 'a.onnx', '1.30.0'],
      ['d2', 'a.onnx', '1.30.0'],
      ['d1', 'b.onnx', '1.30.0'],
      ['d1', 'a.onnx', '1.31.0'],
    ].map(([digest, path, version]) => preparedFolder('/cache', digest as string, path as string, version as string));
    assert.equal(new Set(names).size, 4);
  });

  it('are bounded: the one that was not used for longest goes first', async () => {
    const cache = temporary();
    for (let index = 0; index < 33; index++) {
      const folder = join(cache, `old-${index}`);
      mkdirSync(folder);
      utimesSync(folder, new Date(1_000_000 + index), new Date(1_000_000 + index * 1_000));
    }
    await preparedFile('plain.onnx', join(cache, 'new'), async ({ optimizedModelFilePath }) => {
      writeFileSync(optimizedModelFilePath as string, 'made');
    });
    const kept = readdirSync(cache);
    assert.equal(kept.length, 32);
    assert.ok(kept.includes('new') && !kept.includes('old-0') && !kept.includes('old-1') && kept.includes('old-2'));
  });
});
