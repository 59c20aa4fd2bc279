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

/** Folders of older files, and texts, second texts and the ids that transformers gives; by layouts_reference.py. */
function layouts(): { name: string; files: Record<string, string>; cases: [string, string | null, number[]][] }[] {
  return JSON.parse(readFileSync(join(fixturesFolder, 'layouts.json'), 'utf8'));
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

  for (const { name, files, cases } of layouts()) {
    it(`gives the ids of transformers for a folder without tokenizer.json: ${name}`, async () => {
      for (const [file, content] of Object.entries(files)) {
        await writeFile(join(folder, file), Buffer.from(content, /model$|spm$/.test(file) ? 'base64' : 'utf8'));
      }
      const loaded = await loadTokenizer(folder);
      for (const [text, pair, ids] of cases) {
        const encoding = pair === null ? loaded.encode(text) : loaded.encodePair(text, pair);
        assert.deepEqual([...encoding.ids], ids, JSON.stringify([text, pair]));
        if (pair === null) assert.deepEqual([...loaded.encodeIds(text)], ids, JSON.stringify(text));
      }
    });
  }

  const write = async (files: Record<string, string | object>) => {
    for (const [file, content] of Object.entries(files)) {
      await writeFile(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
    }
  };
  const layoutFile = (name: string, file: string) =>
    Buffer.from(layouts().find((each) => each.name === name)?.files[file] ?? '', 'base64');

  it('knows by the kind of model what the settings do not say', async () => {
    const { cases } = layouts().find(({ name }) => name === 'xlm-roberta') as ReturnType<typeof layouts>[number];
    await writeFile(join(folder, 'sentencepiece.bpe.model'), layoutFile('xlm-roberta', 'sentencepiece.bpe.model'));
    await write({ 'config.json': { model_type: 'xlm-roberta' }, 'tokenizer_config.json': { model_max_length: 512 } });
    const loaded = await loadTokenizer(folder);
    for (const [text, pair, ids] of cases.slice(0, 5))
      if (pair === null) assert.deepEqual([...loaded.encodeIds(text)], ids);
  });

  it('joins words that end in a suffix when it decodes', async () => {
    for (const [name, text] of [
      ['clip', 'the fox, and then'],
      ['openai-gpt', 'the fox and then'],
    ] as const) {
      await write(layouts().find((each) => each.name === name)?.files ?? {});
      const loaded = await loadTokenizer(folder);
      assert.equal(loaded.decode(loaded.encodeIds(text)), text.replace(',', name === 'clip' ? ' ,' : ','), name);
    }
  });

  const suffixed = { 'vocab.json': { a: 0, 'b</w>': 1, 'ab</w>': 2 }, 'merges.txt': 'a b</w>' };
  for (const [what, files, message] of [
    [
      'a class whose way is not known',
      { 'tokenizer_config.json': { tokenizer_class: 'XGLMTokenizer' } },
      /sentencepiece.bpe.model of XGLMTokenizer/,
    ],
    [
      'a kind of model whose way is not known',
      { 'config.json': { model_type: 'm2m_100' } },
      /sentencepiece.bpe.model of m2m_100/,
    ],
    ['pieces that nothing says the use of', {}, /sentencepiece.bpe.model alone does not say which ids its pieces have/],
    [
      'ids that are not those of the settings',
      {
        'tokenizer_config.json': {
          tokenizer_class: 'XLMRobertaTokenizer',
          added_tokens_decoder: { 9: { content: '<mask>' } },
        },
      },
      /gives <mask> the id 9, and by the vocabulary it is \d+/,
    ],
    ['words that end in </w> and may be of several kinds', suffixed, /whose words end in <\/w>/],
    [
      'BPE of a class that is not known',
      { ...suffixed, 'config.json': { model_type: 'xlm' } },
      /merges.txt of xlm is not supported/,
    ],
    [
      'words that are not for WordPiece',
      { 'vocab.txt': '<cls>\nL', 'tokenizer_config.json': { tokenizer_class: 'EsmTokenizer' } },
      /vocab.txt of EsmTokenizer is not supported/,
    ],
    [
      'T5 that begins words otherwise',
      { 'tokenizer_config.json': { tokenizer_class: 'T5Tokenizer', legacy: false } },
      /"legacy": false/,
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await writeFile(join(folder, 'sentencepiece.bpe.model'), layoutFile('xlm-roberta', 'sentencepiece.bpe.model'));
      await write(files);
      await assert.rejects(
        loadTokenizer(folder),
        (error) => error instanceof TokenizerError && message.test(error.message),
      );
    });
  }

  it('refuses source.spm without vocab.json', async () => {
    await writeFile(join(folder, 'source.spm'), layoutFile('marian', 'source.spm'));
    await assert.rejects(loadTokenizer(folder), /source.spm needs vocab.json/);
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
