import assert from 'node:assert/strict';
import { join } from 'node:path';
import { checkManifest, type Manifest, manifestJsonSchema, parseManifest } from '../../models/index.js';
import { embedderFiles, temporaryFolders, withCode, writeModel } from '../kit/model-folder.js';

/** The manifest with labels, and a calibration for them. */
const calibrated = (manifest: Manifest, calibration: object): unknown => ({
  ...manifest,
  classify: { labels: ['a', 'b'], activation: 'softmax', multiLabel: false, calibration },
});

describe('the schema of manifests', () => {
  const temporary = temporaryFolders();
  let good: Manifest;
  before(async () => {
    good = await writeModel(join(temporary(), 'minilm'), embedderFiles);
  });

  it('accepts a whole manifest and gives it back as it was', () => {
    assert.deepEqual(checkManifest(JSON.parse(JSON.stringify(good)), 'manifest.json'), good);
  });

  const file = { path: 'a.json', bytes: 1, sha256: '0'.repeat(64) };
  const cases: [string, (manifest: Manifest) => unknown, RegExp][] = [
    ['a missing field', ({ licence: _, ...rest }) => rest, /^m\.json: licence: /],
    ['a misspelt field', (m) => ({ ...m, lisence: 'MIT' }), /^m\.json: lisence: is not a field/],
    [
      'a misspelt field inside',
      (m) => ({ ...m, embed: { ...m.embed, poling: 'cls' } }),
      /^m\.json: embed\.poling: is not a field/,
    ],
    ['an unknown task', (m) => ({ ...m, task: 'paint' }), /^m\.json: task: /],
    ['another version of the schema', (m) => ({ ...m, manifest: 2 }), /^m\.json: manifest: /],
    [
      'a hash that is none',
      (m) => ({ ...m, files: [{ ...file, sha256: 'x' }] }),
      /^m\.json: files\[0\]\.sha256: must be 64 lower-case hex/,
    ],
    [
      'a path out of the folder',
      (m) => ({ ...m, files: [{ ...file, path: '../a' }] }),
      /^m\.json: files\[0\]\.path: .*plain relative path/,
    ],
    ['an absolute path', (m) => ({ ...m, files: [{ ...file, path: '/etc/a' }] }), /files\[0\]\.path/],
    ['a path with a backslash', (m) => ({ ...m, files: [{ ...file, path: 'a\\b' }] }), /files\[0\]\.path/],
    ['a path that Windows reserves', (m) => ({ ...m, files: [{ ...file, path: 'aux.json' }] }), /files\[0\]\.path/],
    ['a hidden file', (m) => ({ ...m, files: [{ ...file, path: '.env' }] }), /files\[0\]\.path/],
    ['itself as a file', (m) => ({ ...m, files: [{ ...file, path: 'manifest.json' }] }), /does not list itself/],
    ['files out of order', (m) => ({ ...m, files: [...m.files].reverse() }), /sorted by path/],
    ['names that differ in case only', (m) => ({ ...m, files: [{ ...file, path: 'A.json' }, file] }), /listed twice/],
    [
      'a digest of other files',
      (m) => ({ ...m, digest: `sha256:${'0'.repeat(64)}` }),
      /^m\.json: digest: does not belong/,
    ],
    [
      'a digest of another tokenizer',
      (m) => ({ ...m, tokenizerDigest: `sha256:${'0'.repeat(64)}` }),
      /^m\.json: tokenizerDigest: /,
    ],
    ['a task without its part', ({ embed: _, ...rest }) => rest, /^m\.json: embed: must be given/],
    ['a pooling twice', (m) => ({ ...m, embed: { ...m.embed, pooling: 'cls+cls' } }), /embed\.pooling: must be one of/],
    [
      'a calibration for another number of labels',
      (m) => calibrated(m, { method: 'platt', slopes: [1], intercepts: [0, 0] }),
      /classify\.calibration\.slopes: has 1 items for 2 labels/,
    ],
    [
      'a calibration that falls',
      (m) => calibrated(m, { method: 'isotonic', curves: new Array(2).fill({ from: [0, 1], to: [1, 0.5] }) }),
      /classify\.calibration\.curves\[0\]\.to: must be shares from 0 to 1 that do not fall/,
    ],
    ['no temperature', (m) => calibrated(m, { method: 'temperature', temperature: 0 }), /calibration\.temperature/],
    [
      'a default prompt that is none',
      (m) => ({ ...m, embed: { ...m.embed, defaultPrompt: 'x' } }),
      /embed\.defaultPrompt/,
    ],
    [
      'a label twice',
      (m) => ({ ...m, task: 'classify', classify: { labels: ['a', 'a'], activation: 'softmax', multiLabel: false } }),
      /classify\.labels/,
    ],
    ['a name with two slashes', (m) => ({ ...m, name: 'a/b/c' }), /^m\.json: name: /],
    ['a list', () => [], /^m\.json: /],
    ['no limit of tokens', (m) => ({ ...m, maxTokens: 0 }), /^m\.json: maxTokens: /],
  ];
  for (const [what, change, message] of cases) {
    it(`refuses ${what}, naming file and field`, () => {
      assert.throws(() => checkManifest(change(good), 'm.json'), withCode('MANIFEST_INVALID', message));
    });
  }

  it('says where a text is not JSON', () => {
    assert.throws(() => parseManifest('{"name": }', 'm.json'), withCode('MANIFEST_INVALID', /^m\.json: is not JSON/));
  });

  it('tells every field at fault, not only the first', () => {
    assert.throws(
      () => checkManifest({ ...good, name: '', task: 'x', maxTokens: -1 }, 'm.json'),
      (error: { violations: { field: string }[] }) => {
        assert.deepEqual(error.violations.map(({ field }) => field).sort(), ['maxTokens', 'name', 'task']);
        return true;
      },
    );
  });

  it('is published with every field of a manifest', () => {
    const { properties } = manifestJsonSchema() as { properties: Record<string, unknown> };
    for (const field of Object.keys(good)) assert.ok(properties[field], field);
  });
});
