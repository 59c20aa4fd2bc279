import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTokenizer, TokenizerError } from '../../../inference/tokenizer/index.js';
import { fixture, fixtureJson } from './fixtures.js';

const TEXT = "The quick brown fox doesn't jump, größer als 3 日本.";

describe('loadTokenizer', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tokenizer-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('reads tokenizer.json', async () => {
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(fixtureJson('unigram-charsmap')));
    const loaded = await loadTokenizer(folder);
    assert.deepEqual(loaded.encode(TEXT), fixture('unigram-charsmap').encode(TEXT));
  });

  it('reads vocab.txt as BERT does', async () => {
    const { vocab } = fixtureJson('word-piece-uncased').model as { vocab: Record<string, number> };
    const words = Object.keys(vocab).sort((a, b) => (vocab[a] as number) - (vocab[b] as number));
    await writeFile(join(folder, 'vocab.txt'), `${words.join('\n')}\n`);
    const config = { cls_token: '<s>', sep_token: { content: '</s>' }, unk_token: '<unk>', pad_token: '<pad>' };
    await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
    const loaded = await loadTokenizer(folder);
    assert.deepEqual(loaded.encodeIds(TEXT), fixture('word-piece-uncased').encodeIds(TEXT));
    assert.equal(loaded.padId, 3);
  });

  it('reads vocab.json with merges.txt as RoBERTa does', async () => {
    const model = fixtureJson('byte-level-bpe').model as { vocab: Record<string, number>; merges: [string, string][] };
    await writeFile(join(folder, 'vocab.json'), JSON.stringify(model.vocab));
    await writeFile(join(folder, 'merges.txt'), `#version: 0.2\n${model.merges.map((m) => m.join(' ')).join('\n')}\n`);
    await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify({ add_prefix_space: true }));
    const loaded = await loadTokenizer(folder);
    assert.deepEqual(loaded.encodeIds(TEXT), fixture('byte-level-bpe').encodeIds(TEXT));
  });

  it('says what is missing or broken', async () => {
    await assert.rejects(
      loadTokenizer(folder),
      (error) => error instanceof TokenizerError && /no tokenizer in/.test(error.message),
    );
    await writeFile(join(folder, 'tokenizer.json'), '{');
    await assert.rejects(loadTokenizer(folder), /is not JSON/);
    await rm(join(folder, 'tokenizer.json'));
    await writeFile(join(folder, 'spiece.model'), Buffer.from('not a protobuf'));
    await assert.rejects(loadTokenizer(folder), TokenizerError);
  });
});
