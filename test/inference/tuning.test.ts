/** The file of tuned settings: written, read back, and what it does to a model. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '../../chassis/settings.js';
import {
  inferenceSettings,
  openEncoder,
  placed,
  readTuning,
  type TunedModel,
  tunedSettings,
  usableCores,
  writeTuning,
} from '../../inference/index.js';
import { reckonBytes } from '../../inference/memory.js';
import { temporaryFolders } from '../kit/model-folder.js';
import { starter } from '../kit/starter.js';

const entry = (changes: Partial<TunedModel> = {}): TunedModel => ({
  workers: 1,
  threads: 2,
  batchTokensMax: 128,
  windowMax: 32,
  measured: {
    at: '2026-01-01T00:00:00.000Z',
    cores: usableCores(),
    p99TargetMs: 50,
    requestsPerSecond: 100,
    p99Ms: 40,
    traffic: 'synthetic',
  },
  ...changes,
});

describe('the tuning file', () => {
  const temporary = temporaryFolders();
  const defaults = readSettings(inferenceSettings, {});

  it('has no entries where there is no file', async () => {
    assert.deepEqual(await readTuning(join(temporary(), 'none.json')), {});
  });

  it('keeps the entries of other models and leaves no draft behind', async () => {
    const folder = join(temporary(), 'new');
    const file = join(folder, 'tuning.json');
    await writeTuning(file, 'a@1', entry());
    await writeTuning(file, 'org/b@2', entry({ workers: 3, precision: 'fp32' }));
    await writeTuning(file, 'a@1', entry({ windowMax: 64 }));
    assert.deepEqual(await readTuning(file), {
      'a@1': entry({ windowMax: 64 }),
      'org/b@2': entry({ workers: 3, precision: 'fp32' }),
    });
    assert.deepEqual(readdirSync(folder), ['tuning.json']);
  });

  it('never replaces a file that it cannot read', async () => {
    const file = join(temporary(), 'tuning.json');
    writeFileSync(file, '{ "models": ');
    await assert.rejects(writeTuning(file, 'a@1', entry()), /is not JSON/);
    assert.equal(readFileSync(file, 'utf8'), '{ "models": ');
  });

  for (const [name, json, message] of [
    ['a misspelt field', { models: { 'a@1': { ...entry(), worker: 1 } } }, /models\.a@1: .*worker/],
    ['a number out of range', { models: { 'a@1': entry({ workers: 0 }) } }, /models\.a@1\.workers: .*1/],
    ['a model without a version', { models: { a: entry() } }, /models\.a: .*name@version/],
    ['an unknown precision', { models: { 'a@1': entry({ precision: 'int3' as 'int8' }) } }, /models\.a@1\.precision/],
    ['something else', [], /tuning file .*: it: /],
  ] as const) {
    it(`refuses ${name} and says where it is`, async () => {
      const file = join(temporary(), 'tuning.json');
      writeFileSync(file, JSON.stringify(json));
      await assert.rejects(readTuning(file), message);
    });
  }

  it('changes the settings of its model only, on as many cores only', async () => {
    const file = join(temporary(), 'tuning.json');
    await writeTuning(file, 'a@1', entry({ precision: 'fp32' }));
    const settings = { ...defaults, tuningFile: file };
    const tuned = await tunedSettings(settings, 'a@1');
    assert.deepEqual(tuned, {
      settings: { ...settings, workers: 1, threads: 2, batchTokensMax: 128, windowMax: 32 },
      precision: 'fp32',
    });
    const untuned = { settings, precision: undefined };
    assert.deepEqual(await tunedSettings(settings, 'a@2'), untuned);
    assert.deepEqual(await tunedSettings(settings, 'a@1', usableCores() + 1), untuned);
  });

  it('lies beside the pulled models, where the setting says, or nowhere', () => {
    const place = (tuningFile: string): string => placed({ ...defaults, tuningFile }, '/cache').tuningFile;
    assert.equal(place(''), join('/cache', 'tuning.json'));
    assert.equal(place('/etc/plexus/tuning.json'), '/etc/plexus/tuning.json');
    assert.equal(place('off'), '');
  });

  it('decides how many workers a model is opened with', async () => {
    const file = join(temporary(), 'tuning.json');
    await writeTuning(file, 'static-en@1', entry({ workers: 3 }));
    const model = await starter('static-en@1');
    const bytes = model.manifest.files.find(({ path }) => path.endsWith('.onnx'))?.bytes as number;
    const encoder = await openEncoder(model, { ...defaults, workers: 1, tuningFile: file });
    try {
      assert.equal(encoder.stats().memoryBytes, reckonBytes(bytes, 3, 'read'));
    } finally {
      await encoder.close();
    }
  });
});
