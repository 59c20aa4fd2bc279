/** plexus.v1.Tokenize on a real server with real tokenizers. */
import assert from 'node:assert/strict';
import type { EncodeRequest } from '../../../protos/gen/plexus/v1/EncodeRequest.js';
import * as tokenize from '../../../services/tokenize/index.js';
import type { TokenizeModel } from '../../../services/tokenize/model.js';
import { type ServedCapability, serveCapability } from '../../kit/capability.js';
import { refuses } from '../../kit/refused.js';

describe('the tokenize service', () => {
  let served: ServedCapability<TokenizeModel>;
  before(async function () {
    served = await serveCapability(this, tokenize, [
      'tiny-static-embed',
      'tiny-t5-lead',
      'movie-review-avg-word-vec-v2',
    ]);
  });
  after(() => served?.close());

  const encode = (request: EncodeRequest) => served.client.tokenize.encode(request);
  const { count, decode, chunk } = {
    count: (request: Parameters<typeof served.client.tokenize.count>[0]) => served.client.tokenize.count(request),
    decode: (request: Parameters<typeof served.client.tokenize.decode>[0]) => served.client.tokenize.decode(request),
    chunk: (request: Parameters<typeof served.client.tokenize.chunk>[0]) => served.client.tokenize.chunk(request),
  };

  it('gives ids, tokens, types, words and spans into the original text in both units', async () => {
    const text = 'Héllo 👋 naïve';
    const { encodings, usage } = await encode({ texts: [text] });
    const [encoding] = encodings;
    assert.deepEqual(encoding?.tokens, ['[CLS]', 'hello', '[UNK]', 'naive', '[SEP]']);
    assert.deepEqual(encoding?.ids, [101, 7592, 100, 15743, 102]);
    assert.deepEqual(encoding?.typeIds, [0, 0, 0, 0, 0]);
    assert.deepEqual(encoding?.specialTokensMask, [true, false, false, false, true]);
    assert.deepEqual(encoding?.wordIds, [-1, 0, 1, 2, -1]);
    assert.deepEqual(encoding?.sequenceIds, [-1, 0, 0, 0, -1]);
    const bytes = Buffer.from(text);
    const spans = encoding?.tokens.map((_, at) => [
      text.slice(encoding.utf16Start[at], encoding.utf16End[at]),
      bytes.subarray(encoding.byteStart[at], encoding.byteEnd[at]).toString(),
    ]);
    assert.deepEqual(
      spans,
      ['', 'Héllo', '👋', 'naïve', ''].map((piece) => [piece, piece]),
    );
    assert.deepEqual(usage, { texts: 1, inputTokens: 5, outputTokens: 0 });
  });

  it('leaves special tokens out where asked', async () => {
    const { encodings } = await encode({ texts: ['hello', ''], addSpecialTokens: false });
    assert.deepEqual(
      encodings.map(({ ids }) => ids),
      [[7592], []],
    );
  });

  it('encodes pairs, each token with spans in its own text', async () => {
    const [first, second] = ['naïve question', 'short ünswer'];
    const { encodings } = await encode({ texts: [first as string], pairs: [second as string] });
    const [encoding] = encodings;
    assert.deepEqual(
      encoding?.sequenceIds.filter((id) => id >= 0),
      [0, 0, ...new Array((encoding?.ids.length ?? 0) - 5).fill(1)],
    );
    for (const [at, sequence] of (encoding?.sequenceIds ?? []).entries()) {
      if (sequence < 0) continue;
      const text = (sequence === 0 ? first : second) as string;
      const inUtf16 = text.slice(encoding?.utf16Start[at], encoding?.utf16End[at]);
      assert.equal(Buffer.from(text).subarray(encoding?.byteStart[at], encoding?.byteEnd[at]).toString(), inUtf16);
      assert.ok(inUtf16.length > 0);
    }
  });

  it('cuts as told and gives what was cut off, overlapping by the stride', async () => {
    const truncation = { maxTokens: 5, stride: 1 };
    const { encodings } = await encode({ texts: ['one two three four five six'], truncation });
    const pieces = [encodings[0], ...(encodings[0]?.overflowing ?? [])].map((each) => each?.tokens.slice(1, -1));
    assert.deepEqual(pieces, [
      ['one', 'two', 'three'],
      ['three', 'four', 'five'],
      ['five', 'six'],
    ]);
    const left = await encode({
      texts: ['one two three four'],
      truncation: { maxTokens: 4, side: 'TRUNCATION_SIDE_LEFT' },
    });
    assert.deepEqual(left.encodings[0]?.tokens, ['[CLS]', 'three', 'four', '[SEP]']);
    const pair = await encode({
      texts: ['one two'],
      pairs: ['three four five'],
      truncation: { maxTokens: 7, strategy: 'TRUNCATION_STRATEGY_ONLY_SECOND' },
    });
    assert.deepEqual(pair.encodings[0]?.tokens, ['[CLS]', 'one', 'two', '[SEP]', 'three', 'four', '[SEP]']);
  });

  it('decodes what it encoded', async () => {
    const { encodings } = await encode({ texts: ['hello world', ''] });
    const sequences = encodings.map(({ ids }) => ({ ids }));
    assert.deepEqual((await decode({ sequences })).texts, ['hello world', '']);
    assert.deepEqual((await decode({ sequences, skipSpecialTokens: false })).texts, [
      '[CLS] hello world [SEP]',
      '[CLS] [SEP]',
    ]);
  });

  it('counts what it would encode, with any model of the repository', async () => {
    const texts = ['hello world', '', 'The quick brown fox.'];
    for (const model of ['tiny-static-embed', 'tiny-t5-lead', 'movie-review-avg-word-vec-v2']) {
      const { counts } = await count({ texts, model });
      const { encodings } = await encode({ texts, model });
      assert.deepEqual(
        counts,
        encodings.map(({ ids }) => ids.length),
        model,
      );
    }
    assert.deepEqual((await count({ texts, addSpecialTokens: false })).counts, [2, 0, 5]);
  });

  it('splits a long text at sentence borders into verbatim pieces within the limit', async () => {
    const sentences = Array.from({ length: 40 }, (_, index) => `Sentence number ${index} is about naïve things.`);
    const text = sentences.join(' ');
    const { chunks } = await chunk({ text, maxTokens: 40 });
    const bytes = Buffer.from(text);
    assert.equal(chunks.map((each) => each.text).join(''), text);
    for (const each of chunks) {
      assert.ok(each.tokens <= 40 && each.tokens > 20, `${each.tokens}`);
      assert.equal(text.slice(each.utf16Start, each.utf16End), each.text);
      assert.equal(bytes.subarray(each.byteStart, each.byteEnd).toString(), each.text);
      assert.match(each.text, /^Sentence.*\.\s?$/s);
    }
    const { counts } = await count({ texts: chunks.map((each) => each.text), addSpecialTokens: false });
    assert.deepEqual(
      chunks.map(({ tokens }) => tokens),
      counts,
    );
    const overlapping = await chunk({ text, maxTokens: 45, overlapTokens: 15 });
    const starts = overlapping.chunks.map(
      ({ utf16Start }, at) => utf16Start - (overlapping.chunks[at - 1]?.utf16End ?? 0),
    );
    assert.ok(starts.every((start) => start <= 0) && starts.some((start) => start < 0), `${starts}`);
    assert.equal((await chunk({ text })).chunks.length, 1, 'the model takes 512');
    assert.deepEqual((await chunk({ text: '' })).chunks, []);
  });

  it('answers short requests while it reads a text of a megabyte', async () => {
    const long = 'The quick brown fox jumps over the lazy dog. '.repeat(22_000);
    let counted = false;
    const answered = count({ texts: [long] }).then(({ counts }) => {
      counted = true;
      return counts;
    });
    let meanwhile = 0;
    while (!counted) {
      await count({ texts: ['a short one'] });
      if (!counted) meanwhile++;
    }
    assert.deepEqual(await answered, [22_000 * 10 + 2]);
    assert.ok(meanwhile >= 10, `${meanwhile} answers meanwhile`);
  });

  const dense = 'a '.repeat(400_000);
  refuses(() => [
    { what: 'no texts', call: () => encode({}), code: 'FIELD_REQUIRED', field: 'texts' },
    {
      what: '100,000 items',
      call: () => count({ texts: new Array(100_000).fill('') }),
      code: 'TOO_MANY_ITEMS',
      field: 'texts',
    },
    {
      what: 'a text of 10 MB',
      call: () => chunk({ text: 'x'.repeat(10_000_000) }),
      code: 'TEXT_TOO_LONG',
      field: 'text',
    },
    {
      what: 'pairs that are not as many as the texts',
      call: () => encode({ texts: ['a', 'b'], pairs: ['c'] }),
      code: 'FIELD_INVALID',
      field: 'pairs',
    },
    {
      what: 'a limit of no tokens',
      call: () => encode({ texts: ['a'], truncation: {} }),
      code: 'FIELD_INVALID',
      field: 'truncation.max_tokens',
    },
    {
      what: 'a limit below the special tokens',
      call: () => encode({ texts: ['a'], truncation: { maxTokens: 2 } }),
      code: 'FIELD_INVALID',
      field: 'truncation.max_tokens',
      says: /at least 3/,
    },
    {
      what: 'a stride that fills the limit',
      call: () => encode({ texts: ['a'], truncation: { maxTokens: 5, stride: 3 } }),
      code: 'FIELD_INVALID',
      field: 'truncation.stride',
      says: /below 3/,
    },
    {
      what: 'a stride that multiplies a text',
      call: () => encode({ texts: [dense], truncation: { maxTokens: 512, stride: 509 } }),
      code: 'FIELD_INVALID',
      field: 'truncation.stride',
      says: /smaller stride/,
    },
    {
      what: 'cutting the second text where there is none',
      call: () => encode({ texts: ['a'], truncation: { maxTokens: 5, strategy: 'TRUNCATION_STRATEGY_ONLY_SECOND' } }),
      code: 'FIELD_INVALID',
      field: 'truncation.strategy',
    },
    {
      what: 'a pair that cannot be cut as told',
      call: () =>
        encode({
          texts: ['one two three four five'],
          pairs: ['x'],
          truncation: { maxTokens: 6, strategy: 'TRUNCATION_STRATEGY_ONLY_SECOND' },
        }),
      code: 'FIELD_INVALID',
      field: 'truncation',
      says: /second text is too short/,
    },
    { what: 'no sequences', call: () => decode({}), code: 'FIELD_REQUIRED', field: 'sequences' },
    {
      what: 'an id that the vocabulary does not have',
      call: () => decode({ sequences: [{ ids: [5] }, { ids: [1, 4_000_000_000] }] }),
      code: 'FIELD_INVALID',
      field: 'sequences[1].ids[1]',
      says: /below 30522/,
    },
    {
      what: 'an overlap of whole chunks',
      call: () => chunk({ text: 'a', maxTokens: 5, overlapTokens: 5 }),
      code: 'FIELD_INVALID',
      field: 'overlap_tokens',
    },
    {
      what: 'an overlap of more than the model takes',
      call: () => chunk({ text: 'a', overlapTokens: 5_000 }),
      code: 'FIELD_INVALID',
      field: 'overlap_tokens',
    },
    {
      what: 'an overlap that multiplies a text',
      call: () => chunk({ text: dense, maxTokens: 512, overlapTokens: 511 }),
      code: 'FIELD_INVALID',
      field: 'overlap_tokens',
      says: /smaller overlap/,
    },
    {
      what: 'a language that is none',
      call: () => chunk({ text: 'a', language: 'not a tag!' }),
      code: 'FIELD_INVALID',
      field: 'language',
      says: /BCP-47/,
    },
    {
      what: 'an unknown model',
      call: () => count({ texts: ['a'], model: 'nope' }),
      code: 'MODEL_UNKNOWN',
      field: 'model',
    },
    {
      what: 'a deadline that has passed',
      call: () => served.client.tokenize.count({ texts: ['a'] }, { timeoutMs: 0 }),
      code: 'DEADLINE_EXCEEDED',
    },
  ]);
});
