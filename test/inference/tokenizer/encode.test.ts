import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createTokenizer, padEncodings, TokenizerError, utf8Offsets } from '../../../inference/tokenizer/index.js';
import { fixture, fixtureJson } from './fixtures.js';

const NAMES = [
  'word-piece-uncased',
  'word-piece-sequence',
  'byte-level-bpe',
  'byte-level-bpe-regex',
  'byte-fallback-bpe',
  'unigram-charsmap',
  'unigram-bytes',
  'word-level',
  'suffix-bpe',
  'prefix-bpe',
  'byte-level-normalizer',
];

/** Texts with everything in them that has ever mattered, lone surrogates included. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom(
        'the quick',
        ' ',
        '  ',
        '<mask>',
        ' new york ',
        '\ud83d',
        '\ude00',
        'é',
        'e\u0301',
        '👍🏽',
        '日本',
        "it's",
        '\r\n',
      ),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

describe('encode', () => {
  it('gives the same ids with and without places, the right count, and offsets inside the text', () => {
    const tokenizers = NAMES.map(fixture);
    fc.assert(
      fc.property(text, fc.nat(NAMES.length - 1), fc.boolean(), (input, which, addSpecialTokens) => {
        const tokenizer = tokenizers[which] as (typeof tokenizers)[number];
        const encoding = tokenizer.encode(input, { addSpecialTokens });
        assert.deepEqual(tokenizer.encodeIds(input, { addSpecialTokens }), encoding.ids);
        assert.equal(tokenizer.count(input, addSpecialTokens), encoding.ids.length);
        for (let i = 0; i < encoding.ids.length; i++) {
          const [start, end] = [encoding.offsets[2 * i] as number, encoding.offsets[2 * i + 1] as number];
          assert.ok(start <= end && end <= input.length, `${start} ${end} of ${input.length}`);
          assert.ok((encoding.ids[i] as number) < tokenizer.vocabSize);
        }
      }),
      { numRuns: 600, seed: 1 },
    );
  });

  it('keeps to a limit, loses nothing to it, and cuts the same ids as encodeIds', () => {
    const tokenizer = fixture('byte-level-bpe');
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 2, max: 12 }),
        fc.constantFrom('left' as const, 'right' as const),
        (input, maxTokens, truncationSide) => {
          const whole = tokenizer.encode(input, { addSpecialTokens: false }).ids;
          const cut = tokenizer.encode(input, { maxTokens, truncationSide });
          assert.ok(cut.ids.length <= maxTokens);
          assert.deepEqual(tokenizer.encodeIds(input, { maxTokens, truncationSide }), cut.ids);
          if (maxTokens === 2) return;
          const pieces = [cut, ...cut.overflowing].map((e) =>
            [...e.ids].filter((_, i) => e.specialTokensMask[i] === 0),
          );
          if (truncationSide === 'left') pieces.reverse();
          assert.deepEqual(pieces.flat(), [...whole]);
        },
      ),
      { numRuns: 200, seed: 2 },
    );
  });

  it('takes a lone surrogate for U+FFFD', () => {
    for (const name of NAMES) {
      const tokenizer = fixture(name);
      assert.deepEqual(tokenizer.encode('a\ud800b\udc00'), tokenizer.encode('a\ufffdb\ufffd'), name);
    }
  });

  it('numbers the texts of a pair and gives their type ids', () => {
    const encoding = fixture('word-piece-sequence').encodePair('the fox', 'the dog');
    assert.equal(encoding.sequenceIds[0], -1);
    assert.deepEqual([...new Set(encoding.sequenceIds)], [-1, 0, 1]);
    assert.equal(encoding.typeIds.at(-1), 1);
  });

  it('says what is wrong with options that cannot be met', () => {
    const tokenizer = fixture('byte-level-bpe');
    assert.throws(
      () => tokenizer.encode('fox', { maxTokens: 1 }),
      /maxTokens is 1, and the special tokens alone are 2/,
    );
    assert.throws(
      () => tokenizer.encode('the fox runs', { maxTokens: 4, stride: 2 }),
      /stride 2 must be less than the 2/,
    );
    assert.throws(
      () => tokenizer.encode('the fox runs', { maxTokens: 4, truncationStrategy: 'only_second' }),
      TokenizerError,
    );
  });

  it('stays linear and bounded on one enormous word and one enormous text', () => {
    for (const name of NAMES) {
      const tokenizer = fixture(name);
      assert.ok(tokenizer.count('a'.repeat(200_000)) > 0, name);
      assert.ok(tokenizer.count('the fox. '.repeat(20_000)) > 0, name);
      assert.ok(tokenizer.encode(' '.repeat(50_000)).ids.length >= 0, name);
    }
  }).timeout(20_000);

  it('refuses what it does not know by name', () => {
    const json = fixtureJson('word-level');
    for (const [part, config, message] of [
      ['normalizer', { type: 'Rot13' }, /the normalizer Rot13 is not supported/],
      ['pre_tokenizer', { type: 'Jieba' }, /the pre-tokenizer Jieba is not supported/],
      ['post_processor', { type: 'Magic' }, /the post-processor Magic is not supported/],
      ['decoder', { type: 'Magic' }, /the decoder Magic is not supported/],
      ['model', { type: 'Neural' }, /the model Neural is not supported/],
      ['pre_tokenizer', { type: 'Split', pattern: { Regex: 'a\\Gb' }, behavior: 'Isolated', invert: false }, /\\G/],
    ] as const) {
      assert.throws(() => createTokenizer({ ...json, [part]: config }), message);
    }
    const bpe = fixtureJson('byte-level-bpe');
    const model = { ...(bpe.model as object), dropout: 0.1 };
    assert.throws(() => createTokenizer({ ...bpe, model }), /dropout/);
  });

  it('knows its tokens, special tokens and padding', () => {
    const tokenizer = fixture('word-piece-uncased');
    assert.equal(tokenizer.tokenToId('<s>'), 1);
    assert.equal(tokenizer.idToToken(1), '<s>');
    assert.equal(tokenizer.tokenToId('no such token'), undefined);
    assert.equal(tokenizer.idToToken(1e6), undefined);
    assert.equal(tokenizer.padId, 3);
    assert.equal(tokenizer.specialTokenCount(), 2);
    assert.equal(tokenizer.specialTokenCount(true), 3);
    assert.ok(tokenizer.specialTokens.some(({ content }) => content === '<mask>'));
  });
});

describe('padEncodings', () => {
  it('fills on either side, to a multiple, with a mask that tells padding from text', () => {
    const tokenizer = fixture('word-piece-uncased');
    const encodings = [tokenizer.encode('the fox'), tokenizer.encode('the quick brown fox jumps')];
    const right = padEncodings(encodings, { padId: 3, multipleOf: 8 });
    assert.ok(right.every((e) => e.ids.length % 8 === 0 && e.ids.length === right[0]?.ids.length));
    const [first] = right as [(typeof right)[number]];
    const kept = encodings[0]?.ids.length ?? 0;
    assert.deepEqual([...first.ids.subarray(kept)], new Array(first.ids.length - kept).fill(3));
    assert.equal(
      first.attentionMask.reduce((a, b) => a + b),
      kept,
    );
    const [left] = padEncodings(encodings, { padId: 3, side: 'left', length: 12 });
    assert.deepEqual(left?.ids.subarray(12 - kept), encodings[0]?.ids);
    assert.equal(left?.attentionMask[0], 0);
    assert.equal(left?.wordIds[0], -1);
  });
});

describe('utf8Offsets', () => {
  it('counts the bytes before each place', () => {
    fc.assert(
      fc.property(text, (input) => {
        const places = Uint32Array.from({ length: input.length + 1 }, (_, i) => i).filter((i) => {
          const unit = input.charCodeAt(i);
          const before = input.charCodeAt(i - 1);
          return !(unit >= 0xdc00 && unit < 0xe000 && before >= 0xd800 && before < 0xdc00);
        });
        const want = Array.from(places, (at) => Buffer.byteLength(input.slice(0, at)));
        assert.deepEqual([...utf8Offsets(input, places)], want);
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});
