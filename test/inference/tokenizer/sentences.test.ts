import assert from 'node:assert/strict';
import fc from 'fast-check';
import { chunk, type EncodeOptions, sentences } from '../../../inference/tokenizer/index.js';
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
  [
    'Das gilt z. B. für Dr. Müller, d. h. immer. Er kam u. a. aus Wien. Er starb 44 v. Chr. In Rom. Die Fa. Meier zahlt 3 Mio. Euro.',
    [
      'Das gilt z. B. für Dr. Müller, d. h. immer.',
      'Er kam u. a. aus Wien.',
      'Er starb 44 v. Chr.',
      'In Rom.',
      'Die Fa. Meier zahlt 3 Mio. Euro.',
    ],
  ],
  ['So war es z. B. Der Rest kostet 3 Mio. Das ist viel.', ['So war es z. B. Der Rest kostet 3 Mio.', 'Das ist viel.']],
  [
    'Der 2. Weltkrieg endete 1945. Er wurde 2. Danach ging er.',
    ['Der 2. Weltkrieg endete 1945.', 'Er wurde 2.', 'Danach ging er.'],
  ],
  [
    'M. Dupont et MM. Petit sont là. Il dit « Non. » Puis il part, cf. p. 12, par ex. ici.',
    ['M. Dupont et MM. Petit sont là.', 'Il dit « Non. »', 'Puis il part, cf. p. 12, par ex. ici.'],
  ],
  [
    'El Sr. García llegó. ¿Por qué? ¡No! EE. UU. creció un 3.5 %. Vive en EE. UU. Los demás, no. Véase la pág. 12.',
    [
      'El Sr. García llegó.',
      '¿Por qué?',
      '¡No!',
      'EE. UU. creció un 3.5 %.',
      'Vive en EE. UU.',
      'Los demás, no.',
      'Véase la pág. 12.',
    ],
  ],
  [
    'Il sig. Rossi e la dott.ssa Bianchi arrivano. Vedi pag. 12, ecc. per i dettagli. Ok.',
    ['Il sig. Rossi e la dott.ssa Bianchi arrivano.', 'Vedi pag. 12, ecc. per i dettagli.', 'Ok.'],
  ],
  [
    'Dhr. Jansen kwam bijv. om 10 uur. Dat was o.a. goed. Zie blz. 12.',
    ['Dhr. Jansen kwam bijv. om 10 uur.', 'Dat was o.a. goed.', 'Zie blz. 12.'],
  ],
  [
    'В 2024 г. А. С. Пушкин и т. д. пришли. См. рис. 3. Это стоит 5 млн. руб. сегодня. Напр. Москва. Да!',
    ['В 2024 г. А. С. Пушкин и т. д. пришли.', 'См. рис. 3.', 'Это стоит 5 млн. руб. сегодня.', 'Напр. Москва.', 'Да!'],
  ],
  [
    'Prof. Kowalski mieszka przy ul. Długiej. To było w 1990 r. w Warszawie. Dr. Yılmaz geldi. Bkz. Ek 2.',
    ['Prof. Kowalski mieszka przy ul. Długiej.', 'To było w 1990 r. w Warszawie.', 'Dr. Yılmaz geldi.', 'Bkz. Ek 2.'],
  ],
  ['ذهب د. أحمد إلى السوق. هل عاد؟ نعم!', ['ذهب د. أحمد إلى السوق.', 'هل عاد؟', 'نعم!']],
  ['我们去公园吧！“好的。”他说。他走了。“再见！”', ['我们去公园吧！', '“好的。”', '他说。', '他走了。', '“再见！”']],
  ['Er sagte „Nein.“ Dann ging er.', ['Er sagte „Nein.“', 'Dann ging er.']],
  ['Er sagte: »Nein.« »Doch.« Dann ging er.', ['Er sagte: »Nein.«', '»Doch.«', 'Dann ging er.']],
  ['« Non. » dit-il. « Oui ! »', ['« Non. » dit-il.', '« Oui ! »']],
  ['', []],
  [' \n ', [' \n '.trim()]],
];

/** What hostile texts are made of: repeated without end, nothing in them ends a sentence, or everything does. */
const ENDLESS = [
  'word ',
  'a',
  ' ',
  '\n',
  ' \n',
  '\r',
  '\u2029',
  '\u300c',
  '\u300c ',
  '.',
  '. ',
  '\u3002',
  '\u300c\u3002',
  '\u3002\u300d',
  '.\u300c',
  'Dr. ',
  'x. y ',
  'x\n',
  '.\n',
  'U.S. ',
  'a.',
  '." ',
  '\ud83d\udc4d\ud83c\udffd',
  '\ud83d',
  '\u543e\u8f29',
  `${'x'.repeat(50)}\n`,
  '3. ',
  '. \u00bb ',
  'z. B. ',
];

/** `text` as a string that counts the code units read from it: by index, by slice and by regular expression. */
function counted(text: string): { text: string; units: () => number } {
  let units = 0;
  const proxy = new Proxy(Object(text) as object, {
    get(target, key) {
      const value = Reflect.get(target, key) as unknown;
      if (typeof value !== 'function') {
        if (key !== 'length') units++;
        return value;
      }
      return (...args: unknown[]) => {
        const found = Reflect.apply(value, text, args) as unknown;
        units += typeof found === 'string' ? found.length : 1;
        return found;
      };
    },
  });
  return { text: proxy as unknown as string, units: () => units };
}

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
          fc.constantFrom(
            'Dr.',
            ' ',
            '.',
            '\n',
            'U.S.',
            'Hi',
            '。',
            '"',
            '?',
            '\ud83d',
            '👍',
            '「',
            '3',
            '\r\n',
            '»',
            '“',
            'z.',
          ),
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

  for (const unit of ENDLESS) {
    it(`reads a text in proportion to its length, and no sentence is endless: ${JSON.stringify(unit.slice(0, 12))}`, () => {
      const read = [20_000, 80_000].map((length) => {
        const { text, units } = counted(unit.repeat(length / unit.length));
        const found = sentences(text);
        for (const { start, end } of found) {
          assert.ok(end - start < 20_000 || text.slice(start, end).trim().length < 20_000, `${end - start} units`);
        }
        return units() / text.length;
      }) as [number, number];
      // Quadratic work would read four times as much of each unit.
      assert.ok(
        read[1] < 1.5 * read[0] + 1,
        `${read[0]} units read for each of the short text, ${read[1]} of the long`,
      );
      assert.ok(read[1] < 1_000, `${read[1]} units read for each`);
    });
  }

  it('ends the sentences of a long paragraph where it ends those of short ones', () => {
    const parts = [
      'He met Dr. Smith at 3.14 p.m. and left. ',
      '\u543e\u8f29\u306f\u732b\u3067\u3042\u308b\u3002',
      'Really?! ',
      'It rained. ',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { minLength: 200, maxLength: 400 }), (chosen) => {
        const ends = new Set(sentences(chosen.join('')).map(({ end }) => end));
        let at = 0;
        for (const part of chosen) {
          at += part.length;
          assert.ok(ends.has(at), `no border at ${at}`);
        }
        assert.equal(ends.size, chosen.length);
      }),
      { numRuns: 20, seed: 8 },
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

  it('gives the tokenizer a text in proportion to its length, with and without overlap', () => {
    const tokenizer = fixture('byte-level-bpe');
    for (const unit of ['word ', 'a', '\n', 'One two three. ', 'x. y ', '\u3002', '\ud83d\udc4d\ud83c\udffd']) {
      for (const overlapTokens of [0, 100, 190]) {
        const read = [10_000, 40_000].map((length) => {
          let units = 0;
          const counting = {
            count: (text: string, specials?: boolean) => {
              units += text.length;
              return tokenizer.count(text, specials);
            },
            encode: (text: string, options?: Partial<EncodeOptions>) => {
              units += text.length;
              return tokenizer.encode(text, options);
            },
            specialTokenCount: () => tokenizer.specialTokenCount(),
          };
          chunk(unit.repeat(length / unit.length), counting, { maxTokens: 200, overlapTokens });
          return units / length;
        }) as [number, number];
        const said = `${JSON.stringify(unit)}, overlap ${overlapTokens}: ${read[0]} units for each, then ${read[1]}`;
        assert.ok(read[1] < 1.5 * read[0] + 1, said);
        // An overlap is searched by halves: each unit is counted in so many chunks, some twenty times in each at most.
        assert.ok(read[1] < 8 + (20 * 200) / (198 - overlapTokens), said);
      }
    }
  });

  it('says when nothing fits', () => {
    assert.throws(() => chunk('x', fixture('byte-level-bpe'), { maxTokens: 2 }), /special tokens alone are 2/);
    assert.throws(() => chunk('x', fixture('byte-level-bpe'), { maxTokens: 8, overlapTokens: 6 }), /overlapTokens/);
  });
});
