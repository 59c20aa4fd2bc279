import assert from 'node:assert/strict';
import fc from 'fast-check';
import { chunk, sentences } from '../../../inference/tokenizer/index.js';
import { fixture } from './fixtures.js';

const CASES: readonly (readonly [string, readonly string[]])[] = [
  [
    'Dr. Smith went to the U.S. He met J. K. Rowling, e.g. at 3.14 p.m. on Jan. 5. "Really?" she asked. Yes!',
    [
      'Dr. Smith went to the U.S.',
      'He met J. K. Rowling, e.g. at 3.14 p.m. on Jan. 5.',
      '"Really?" she asked.',
      'Yes!',
    ],
  ],
  [
    'He lives near the U.S. Army base. I like vitamin C. The U.S. Senate met. So do I. Then we left.',
    ['He lives near the U.S. Army base.', 'I like vitamin C.', 'The U.S. Senate met.', 'So do I.', 'Then we left.'],
  ],
  ['See Fig. 3 and No. 5. It cost $3.50... and more.', ['See Fig. 3 and No. 5.', 'It cost $3.50... and more.']],
  ['1. First item. 2. Second.', ['1. First item.', '2. Second.']],
  [
    'Am 3. Oktober war z.B. Herr Dr. Müller da. Es war 1990. Der Rest.',
    ['Am 3. Oktober war z.B. Herr Dr. Müller da.', 'Es war 1990.', 'Der Rest.'],
  ],
  [
    'これは文です。次の文！「はい。」と言った。終わり',
    ['これは文です。', '次の文！', '「はい。」と言った。', '終わり'],
  ],
  ['Он жил в г. Москве. Т.е. там. Привет!', ['Он жил в г. Москве.', 'Т.е. там.', 'Привет!']],
  ['你好。世界？मैं घर गया। वह आया।', ['你好。', '世界？', 'मैं घर गया।', 'वह आया।']],
  ['مرحبا؟ نعم.', ['مرحبا؟', 'نعم.']],
  [
    'A title\n\nA line that a mail program wrapped before it was full at\nRoberts house. Next.',
    ['A title', 'A line that a mail program wrapped before it was full at\nRoberts house.', 'Next.'],
  ],
  ['', []],
  [' \n ', [' \n '.trim()]],
];

describe('sentences', () => {
  for (const [text, want] of CASES) {
    it(`ends sentences where a reader would: ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.deepEqual(
        sentences(text).map(({ start, end }) => text.slice(start, end).trim()),
        want,
      );
    });
  }

  it('covers every text without gaps', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('Dr.', ' ', '.', '\n', 'U.S.', 'Hi', '。', '"', '?', '\ud83d', '👍', '「', '3', '\r\n'),
          { maxLength: 40 },
        ),
        (parts) => {
          const text = parts.join('');
          let at = 0;
          for (const { start, end } of sentences(text)) {
            assert.equal(start, at);
            assert.ok(end > start);
            at = end;
          }
          assert.equal(at, text.length);
        },
      ),
      { numRuns: 300, seed: 5 },
    );
  });
});

describe('chunk', () => {
  it('keeps to the limit, loses nothing, and overlaps by no more than asked', () => {
    const tokenizer = fixture('byte-level-bpe');
    const word = fc.constantFrom(
      'fox',
      ' runs. ',
      'The',
      ' dog',
      '\n\n',
      '日本語',
      ' ',
      'incomprehensibilities',
      '👍🏽',
    );
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 60 }),
        fc.integer({ min: 12, max: 40 }),
        fc.integer({ min: 0, max: 6 }),
        (parts, maxTokens, overlapTokens) => {
          const text = parts.join('');
          const chunks = chunk(text, tokenizer, { maxTokens, overlapTokens });
          let at = 0;
          for (const { start, end, tokens } of chunks) {
            assert.ok(start <= at && end > at, 'a gap or no progress');
            assert.ok(tokenizer.count(text.slice(start, at), false) <= overlapTokens);
            assert.equal(tokens, tokenizer.count(text.slice(start, end)));
            assert.ok(tokens <= maxTokens, `${tokens} tokens`);
            at = end;
          }
          assert.equal(at, text.length);
        },
      ),
      { numRuns: 150, seed: 6 },
    );
  });

  it('repeats the end of the chunk before in every chunk, also where sentences fill chunks exactly', () => {
    const tokenizer = fixture('byte-level-bpe');
    const text = 'one two three four. '.repeat(12);
    const sentence = tokenizer.count('one two three four. ', false);
    const maxTokens = 4 * sentence + tokenizer.specialTokenCount();
    const chunks = chunk(text, tokenizer, { maxTokens, overlapTokens: sentence });
    assert.ok(chunks.length > 2);
    for (const [index, { start, tokens }] of chunks.entries()) {
      assert.ok(tokens <= maxTokens);
      if (index > 0) assert.ok(start < (chunks[index - 1]?.end ?? 0), `chunk ${index} repeats nothing`);
    }
  });

  it('cuts at sentence borders when sentences fit', () => {
    const text = 'The fox runs. The dog sleeps. They meet again. It rains.';
    const tokenizer = fixture('word-piece-uncased');
    for (const { end } of chunk(text, tokenizer, { maxTokens: 24 })) assert.match(text.slice(0, end), /\. ?$/);
  });

  it('says when nothing fits', () => {
    assert.throws(() => chunk('x', fixture('byte-level-bpe'), { maxTokens: 2 }), /special tokens alone are 2/);
    assert.throws(() => chunk('x', fixture('byte-level-bpe'), { maxTokens: 8, overlapTokens: 6 }), /overlapTokens/);
  });
});
