import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTokenizer, TokenizerError } from '../../../inference/tokenizer/index.js';
import { fixture, fixtureJson, fixturesFolder } from './fixtures.js';

const TEXT = "The quick brown fox doesn't jump, größer als 3 日本.";

const UNKNOWN = 0;

/** Models trained with SentencePiece, and texts with the ids it gives and what it decodes them to; by sentence_piece_reference.py. */
function sentencePieces(): { name: string; model: string; cases: [string, number[], string][] }[] {
  return JSON.parse(readFileSync(join(fixturesFolder, 'sentence-piece.json'), 'utf8'));
}

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

  it('reads merges as lines or pairs, in any order, some of them twice', async () => {
    const vocab = { a: 0, b: 1, c: 2, bc: 3, abc: 4, ab: 5, é: 6, éa: 7, '#version:0.2': 8 };
    const model = { type: 'BPE', vocab };
    const ids = async (merges: unknown[], text: string) => {
      await writeFile(join(folder, 'tokenizer.json'), JSON.stringify({ model: { ...model, merges } }));
      return [...(await loadTokenizer(folder)).encodeIds(text)];
    };
    for (const write of [(pair: string[]) => pair.join(' '), (pair: string[]) => pair]) {
      const merges = (...pairs: string[]) => pairs.map((pair) => write(pair.split('+')));
      assert.deepEqual(await ids(merges('a+b', 'b+c', 'ab+c', 'é+a'), 'abcéa'), [4, 7]);
      assert.deepEqual(await ids(merges('b+c', 'a+b', 'ab+c'), 'abc'), [0, 3]);
      assert.deepEqual(await ids(merges('b+c', 'a+b', 'a+bc', 'ab+c'), 'abcab'), [4, 5]);
      // The later rank of a pair named twice holds: a+b goes before b+c.
      assert.deepEqual(await ids(merges('b+c', 'a+b', 'b+c'), 'abc'), [5, 2]);
      await assert.rejects(ids(merges('a+c'), 'x'), /a merge makes "ac", which is not in the vocabulary/);
    }
    assert.deepEqual(await ids(['#version: 0.2', 'a b'], 'ab'), [5]);
    await assert.rejects(ids(['a b c'], 'x'), /the merge "a b c" is not two tokens/);
  });

  for (const { name, model, cases } of sentencePieces()) {
    it(`reads a SentencePiece .model, with the ids and texts of SentencePiece: ${name}`, async () => {
      await writeFile(join(folder, 'tokenizer.model'), Buffer.from(model, 'base64'));
      const loaded = await loadTokenizer(folder);
      for (const [text, ids, decoded] of cases) {
        assert.deepEqual([...loaded.encodeIds(text, { addSpecialTokens: false })], ids, JSON.stringify(text));
        assert.deepEqual([...loaded.encode(text, { addSpecialTokens: false }).ids], ids, JSON.stringify(text));
        // SentencePiece writes a question mark for what is unknown; `tokenizers` leaves special tokens out.
        if (!ids.includes(UNKNOWN)) assert.equal(loaded.decode(ids), decoded, JSON.stringify(text));
      }
    });
  }

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
