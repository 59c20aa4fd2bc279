import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRepository, parseReference } from '../../models/index.js';
import { embedderFiles, temporaryFolders, withCode, writeFiles, writeModel } from '../kit/model-folder.js';
import { shared, sharedOrSkip } from '../kit/shared.js';

describe('the repository', () => {
  const temporary = temporaryFolders();
  const named = async (root: string): Promise<string[]> =>
    (await createRepository({ folders: [root] }).list()).map(({ manifest }) => `${manifest.name}@${manifest.version}`);

  it('lists versions side by side, newest first', async () => {
    const root = temporary();
    for (const version of ['9', '10', '2-rc1'])
      await writeModel(join(root, 'minilm', version), embedderFiles, { version });
    await writeModel(join(root, 'org', 'minilm', '1'), embedderFiles, { name: 'org/minilm' });
    assert.deepEqual(await named(root), ['minilm@10', 'minilm@9', 'minilm@2-rc1', 'org/minilm@1']);
  });

  it('orders versions that are commits by their time', async () => {
    const root = temporary();
    const commits = { aaaaaaaaaaaa: '2023', bbbbbbbbbbbb: '2025', cccccccccccc: '2024' };
    for (const [version, year] of Object.entries(commits)) {
      await writeModel(join(root, 'minilm', version), embedderFiles, { version, created: `${year}-01-01T00:00:00Z` });
    }
    assert.deepEqual(await named(root), ['minilm@bbbbbbbbbbbb', 'minilm@cccccccccccc', 'minilm@aaaaaaaaaaaa']);
  });

  it('finds a version by reference, and the newest where none is given', async () => {
    const root = temporary();
    for (const version of ['1', '2']) await writeModel(join(root, 'minilm', version), embedderFiles, { version });
    const repository = createRepository({ folders: [root] });
    assert.equal((await repository.find(parseReference('minilm@1'))).manifest.version, '1');
    assert.equal((await repository.find(parseReference('minilm'))).manifest.version, '2');
    await assert.rejects(repository.find(parseReference('minilm@3')), withCode('VERSION_UNKNOWN', /there is 2, 1/));
    await assert.rejects(repository.find(parseReference('maxilm')), withCode('MODEL_UNKNOWN', /there is minilm/));
    await assert.rejects(repository.find(parseReference('minilm:stable')), withCode('ALIAS_UNKNOWN'));
  });

  it('finds a model that was added, and forgets one that was removed, without a restart', async () => {
    const root = temporary();
    const repository = createRepository({ folders: [root] });
    assert.deepEqual(await repository.list(), []);
    await writeModel(join(root, 'minilm', '1'), embedderFiles);
    assert.equal((await repository.list()).length, 1);
    rmSync(join(root, 'minilm'), { recursive: true });
    assert.deepEqual(await repository.list(), []);
  });

  it('does not let one bad folder hide the others', async () => {
    const root = temporary();
    await writeModel(join(root, 'good', '1'), embedderFiles, { name: 'good' });
    await writeModel(join(root, 'bad', '1'), embedderFiles, ({ task, ...rest }) => ({
      ...rest,
      name: 'bad',
      tsak: task,
    }));
    const repository = createRepository({ folders: [root] });
    assert.deepEqual(
      (await repository.list()).map(({ manifest }) => manifest.name),
      ['good'],
    );
    const [problem] = await repository.problems();
    assert.equal(problem?.error.code, 'MANIFEST_INVALID');
    assert.match(problem?.error.message ?? '', /^bad\/1\/manifest\.json: /);
    // Whoever asks for it is told what is wrong with it, not that it is unknown.
    await assert.rejects(repository.find({ name: 'bad' }), withCode('MANIFEST_INVALID'));
  });

  it('takes the first of two folders that have the same version, and tells where they differ', async () => {
    const [first, second] = [temporary(), temporary()];
    await writeModel(join(first, 'minilm', '1'), embedderFiles);
    await writeModel(join(second, 'minilm', '1'), { ...embedderFiles, 'README.md': 'other' });
    const repository = createRepository({ folders: [first, second] });
    const [model] = await repository.list();
    assert.equal(model?.folder, join(first, 'minilm', '1'));
    assert.equal((await repository.problems())[0]?.error.code, 'MODEL_CHANGED');
  });

  it('refuses a manifest that says another name or version than its folder', async () => {
    const root = temporary();
    await writeModel(join(root, 'minilm', '2'), embedderFiles, { version: '1' });
    const [problem] = await createRepository({ folders: [root] }).problems();
    assert.match(problem?.error.message ?? '', /minilm\/2\/manifest\.json: version: is 1/);
  });

  it('accepts a model folder itself as a place to search', async () => {
    const root = temporary();
    writeFiles(join(root, 'alone'), embedderFiles);
    assert.deepEqual(await named(join(root, 'alone')), ['alone@1']);
  });

  it('never puts the path of a folder into a message', async () => {
    const root = temporary();
    writeFiles(join(root, 'odd'), { 'config.json': '{' });
    const [problem] = await createRepository({ folders: [root] }).problems();
    assert.match(problem?.error.message ?? '', /^odd: config\.json: is not JSON/);
    assert.ok(!problem?.error.message.includes(root));
  });

  describe('verifying', () => {
    const setUp = async () => {
      const root = temporary();
      const folder = join(root, 'minilm', '1');
      await writeModel(folder, embedderFiles);
      const repository = createRepository({ folders: [root] });
      const [model] = await repository.list();
      assert.ok(model);
      await repository.verify(model);
      return { folder, verify: () => repository.verify(model) };
    };

    it('names a file whose content changed, even where size and time stayed', async () => {
      const { folder, verify } = await setUp();
      const path = join(folder, 'tokenizer.json');
      const { atime, mtime } = statSync(path);
      writeFileSync(path, '{"version":"2.0"}');
      utimesSync(path, atime, mtime);
      await assert.rejects(verify(), withCode('MODEL_CHANGED', /minilm@1: tokenizer\.json has sha256/));
    });

    it('names a file whose size changed', async () => {
      const { folder, verify } = await setUp();
      writeFileSync(join(folder, 'onnx/model_quantized.onnx'), 'other');
      await assert.rejects(verify(), withCode('MODEL_CHANGED', /onnx\/model_quantized\.onnx has 5 bytes/));
    });

    it('names a file that is gone', async () => {
      const { folder, verify } = await setUp();
      renameSync(join(folder, 'config.json'), join(folder, '.config.json'));
      await assert.rejects(verify(), withCode('MODEL_CHANGED', /config\.json is missing/));
    });

    it('names a file that was added', async () => {
      const { folder, verify } = await setUp();
      writeFileSync(join(folder, 'onnx/model.onnx'), 'more');
      await assert.rejects(verify(), withCode('MODEL_CHANGED', /onnx\/model\.onnx is not in the manifest/));
    });

    it('detects the change of a plain folder since it was listed', async () => {
      const root = temporary();
      writeFiles(join(root, 'plain'), embedderFiles);
      const repository = createRepository({ folders: [root] });
      const [model] = await repository.list();
      assert.ok(model?.inferred);
      writeFileSync(join(root, 'plain', 'tokenizer.json'), '{"version":"9.9"}');
      await assert.rejects(repository.verify(model), withCode('MODEL_CHANGED', /tokenizer\.json/));
      const [again] = await repository.list();
      assert.notEqual(again?.manifest.digest, model.manifest.digest);
    });
  });

  it('reads no device or pipe as if it were a file', async () => {
    const root = temporary();
    writeFiles(join(root, 'plain'), embedderFiles);
    symlinkSync('/dev/zero', join(root, 'plain', 'vocab.txt'));
    const [problem] = await createRepository({ folders: [root] }).problems();
    assert.match(problem?.error.message ?? '', /vocab\.txt is neither a file nor a folder/);
  });

  it('stays quick: what has not changed is not read again', async () => {
    const root = temporary();
    for (let version = 1; version <= 50; version++)
      await writeModel(join(root, 'many', String(version)), embedderFiles, { name: 'many', version: String(version) });
    const repository = createRepository({ folders: [root] });
    const first = await repository.list();
    const second = await repository.list();
    assert.equal(second.length, 50);
    assert.ok(second.every((model, index) => model === first[index]));
  });

  it('does not follow a loop of links for ever', async () => {
    const root = temporary();
    mkdirSync(join(root, 'a'));
    symlinkSync(root, join(root, 'a', 'loop'));
    assert.deepEqual(await named(root), []);
  });

  it('finds folders with nothing but a graph, in both layouts', async () => {
    const root = temporary();
    writeFiles(root, {
      'adder/1/model.onnx': 'x',
      'adder/2/model.onnx': 'y',
      'org/vision/onnx/model.onnx': 'z',
      'onnx/resnet/resnet.onnx': 'an organisation may be called so',
    });
    const models = await createRepository({ folders: [root] }).list();
    assert.deepEqual(
      models.map(({ manifest: { name, version, task } }) => [name, version, task]),
      [
        ['adder', '2', 'infer'],
        ['adder', '1', 'infer'],
        ['onnx/resnet', '1', 'infer'],
        ['org/vision', '1', 'infer'],
      ],
    );
  });

  it('reads every real folder beside the project', async function () {
    const folder = sharedOrSkip(this, 'models');
    const repository = createRepository({ folders: [folder, shared('tokenizers') ?? ''] });
    const models = await repository.list();
    const facts = Object.fromEntries(
      models.map(({ manifest: m }) => [m.name, [m.task, m.architecture, m.precision, m.maxTokens]]),
    );
    assert.deepEqual(facts['tiny-bert-sst2'], ['classify', 'bert', 'int8', 512]);
    assert.deepEqual(facts['tiny-static-embed'], ['embed', 'static_embedding', 'int8', 512]);
    assert.deepEqual(facts['tiny-t5-lead'], ['summarize', 't5', 'int8', 96]);
    assert.deepEqual(facts['tinyllama-stories260K'], ['summarize', 'llama', 'fp32', 512]);
    assert.deepEqual(facts['movie-review-avg-word-vec-v2'], ['classify', 'average_word_vec', 'fp32', 256]);
    assert.deepEqual(facts['bert-base-uncased'], ['tokenize', 'none', 'none', 512]);
    const t5 = models.find(({ manifest }) => manifest.name === 'tiny-t5-lead')?.manifest;
    assert.deepEqual(t5?.summarize, { mode: 'abstractive', prefix: 'summarize: ' });
    const sst2 = models.find(({ manifest }) => manifest.name === 'tiny-bert-sst2')?.manifest;
    assert.deepEqual(sst2?.classify, { labels: ['NEGATIVE', 'POSITIVE'], activation: 'softmax', multiLabel: false });
    for (const model of models) await repository.verify(model);
    assert.deepEqual(facts['nnsplit-en'], ['infer', 'nnsplit', 'fp32', 512]);
    assert.deepEqual(facts['magika-standard-v3_3'], ['infer', 'magika', 'fp32', 512]);
    assert.deepEqual(await repository.problems(), []);
  });
});
