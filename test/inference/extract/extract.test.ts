/** Choosing sentences, on plain vectors: what is central, what is near the focus, what repeats, how long, and where it stands. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Budget, choose } from '../../../inference/extract/choose.js';
import { features, scoreOf, unit } from '../../../inference/extract/features.js';
import {
  byteOffsets,
  countWords,
  countWordsInTurns,
  type ExtractOptions,
  extract,
  findSentences,
  isContent,
  LEXICAL_WEIGHTS,
  lexicalVectors,
  wordsOf,
} from '../../../inference/extract/index.js';
import { FEATURES, readWeights, weightsFor } from '../../../inference/extract/weights.js';
import { createTurns } from '../../../inference/turns.js';
import { withCode } from '../../kit/model-folder.js';
import { starter } from '../../kit/starter.js';

const turns = createTurns(4);
const signal = new AbortController().signal;
const OPTIONS: ExtractOptions = { length: { sentences: 2 }, focus: '', locale: '', signal };

const run = (text: string, options: Partial<ExtractOptions> = {}, sentencesMax = 600) =>
  extract(
    text,
    { ...OPTIONS, ...options },
    {
      weights: LEXICAL_WEIGHTS,
      embedSentences: (texts) => lexicalVectors(texts, turns),
      countTokens: async (texts) => texts.map((each) => each.split(' ').length),
      turns,
      sentencesMax,
    },
  );

const ARTICLE = [
  'The harbour of Brest was closed on Monday after a storm.',
  'Ships waited outside the harbour, and the storm lasted two days.',
  'Fishermen said that the storm was the worst in the harbour since 1987.',
  'A bakery in the old town gave away its bread.',
  'The harbour will open again on Thursday, the port authority said.',
].join(' ');

describe('extract', () => {
  it('gives sentences verbatim, in the order of the source, with their places in units and bytes', async () => {
    const text = `  Größe zählt – sagt «Anna». 日本語の文です。Ein dritter Satz folgt hier 🙂 am Ende.\n\nUnd ein vierter. `;
    const { sentences } = await run(text, { length: { sentences: 3 } });
    assert.equal(sentences.length, 3);
    const bytes = Buffer.from(text);
    let before = -1;
    for (const each of sentences) {
      assert.equal(text.slice(each.utf16Start, each.utf16End), each.text);
      assert.equal(bytes.subarray(each.byteStart, each.byteEnd).toString(), each.text);
      assert.equal(each.text, each.text.trim());
      assert.ok(each.utf16Start > before);
      before = each.utf16Start;
    }
  });

  it('prefers what speaks about the focus', async () => {
    const plain = await run(ARTICLE, { length: { sentences: 1 } });
    const focused = await run(ARTICLE, { length: { sentences: 1 }, focus: 'the bakery and its bread' });
    assert.match(focused.sentences[0]?.text ?? '', /bakery/);
    assert.doesNotMatch(plain.sentences[0]?.text ?? '', /bakery/);
  });

  it('keeps to a length in words, tokens or a share, and always gives one sentence', async () => {
    for (const length of [{ words: 25 }, { tokens: 25 }, { share: 0.5 }]) {
      const { sentences } = await run(ARTICLE, { length });
      const words = sentences.reduce((sum, each) => sum + countWords(each.text), 0);
      const limit = 'share' in length ? Math.round(countWords(ARTICLE) * 0.5) : 25;
      assert.ok(words <= limit && words > limit / 3, `${JSON.stringify(length)}: ${words} words`);
    }
    assert.equal((await run(ARTICLE, { length: { words: 1 } })).sentences.length, 1);
    assert.equal((await run(ARTICLE, { length: { share: 1 } })).sentences.length, 5);
  });

  it('does not choose the same twice', async () => {
    const text =
      'Prices of bread rose sharply in May. Prices of bread rose sharply in May. Wages stayed where they were all year.';
    const { sentences } = await run(text, { length: { sentences: 2 } });
    assert.deepEqual(
      sentences.map((each) => each.text.slice(0, 5)),
      ['Price', 'Wages'],
    );
  });

  it('has nothing to say of nothing', async () => {
    for (const text of ['', '  \n\n ']) assert.deepEqual(await run(text), { sentences: [], found: 0, compared: [] });
  });

  it('thins out a text with too many sentences evenly, its beginning kept', async () => {
    const text = Array.from(
      { length: 500 },
      (_, index) => `Sentence number ${index} speaks of thing ${index % 7} at some length.`,
    ).join(' ');
    const { found, compared } = await run(text, {}, 53);
    assert.equal(found, 500);
    assert.equal(compared.length, 53);
    assert.deepEqual(
      compared.slice(0, 3).map((each) => each.text.split(' ')[2]),
      ['0', '1', '2'],
    );
    const gaps = compared
      .slice(3)
      .map((each, index, all) => Number(each.text.split(' ')[2]) - Number(all[index - 1]?.text.split(' ')[2] ?? 2));
    assert.ok(Math.max(...gaps) <= 20, `a gap of ${Math.max(...gaps)}`);
  });

  it('thins out a text in any script with what speaks about the focus kept', async () => {
    const text = Array.from({ length: 400 }, (_, index) =>
      index === 217 ? 'Пекарня раздала хлеб.' : `Корабль ${index} вышел из гавани вечером.`,
    ).join(' ');
    const { sentences } = await run(text, { focus: 'хлеб', length: { sentences: 1 } }, 20);
    assert.equal(sentences[0]?.text, 'Пекарня раздала хлеб.');
  });

  it('gives every sentence back once at most, in order, for any text, length and focus', async () => {
    const length = fc.oneof(
      fc.record({ sentences: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ words: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ share: fc.double({ min: 0.01, max: 1, noNaN: true }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 400 }),
        length,
        fc.constantFrom('', 'a b'),
        async (text, wanted, focus) => {
          const { sentences, found } = await run(text, { length: wanted, focus });
          assert.ok(sentences.length <= found);
          let end = 0;
          for (const each of sentences) {
            assert.ok(each.utf16Start >= end && each.utf16End > each.utf16Start);
            assert.equal(text.slice(each.utf16Start, each.utf16End), each.text);
            end = each.utf16End;
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('finds the sentences of a text of a million characters in turns, the same as in one go', async () => {
    const text = Array.from(
      { length: 12_000 },
      (_, index) => `Mr. Smith paid $${index}.50 for it. "Why?" asked Dr. No.${index % 9 === 0 ? '\n\n' : ' '}`,
    ).join('');
    let turnsTaken = 0;
    const counted = { take: () => void turnsTaken++, spent: () => {} };
    const found = await findSentences(text, 'en', counted, signal);
    assert.ok(turnsTaken > 30, `${turnsTaken} turns`);
    const alone = await findSentences(text.slice(0, 16_000), 'en', turns, signal);
    assert.deepEqual(found.slice(0, alone.length - 1), alone.slice(0, -1));
    for (const { start, end } of found.slice(0, 200))
      assert.equal(text.slice(start, end), text.slice(start, end).trim());
  });
});

describe('the score of a sentence', () => {
  it('has the features that the weights of the starter model were tuned with', async () => {
    const sentences = [
      'We propose a method with 3 parts for summaries.',
      'It is "good".',
      'This paper shows that summaries of papers help readers of papers.',
    ];
    const vectors = [unit([1, 0, 0]), unit([0, 1, 0]), unit([1, 1, 0])];
    const weights = readWeights((await starter('extractive-en')).manifest);
    const rows = await features(sentences, vectors, weights, turns);
    const row = (index: number) =>
      Object.fromEntries(FEATURES.map((name, at) => [name, Math.round((rows[index]?.[at] as number) * 1e4) / 1e4]));
    // Worked out by hand from the definitions in models/training/extractive.py.
    assert.deepEqual(row(0), {
      // biome-ignore lint/suspicious/noApproximativeNumericConstant: rounded to four digits, as everything here
      centrality: 0.7071,
      // biome-ignore lint/suspicious/noApproximativeNumericConstant: rounded to four digits, as everything here
      lead: 0.7071,
      first: 1,
      second: 0,
      third: 0,
      early: 1,
      late: 0,
      length: 0.45,
      long: 0,
      frequency: 0.1386,
      cue: 1,
      number: 1,
      quote: 0,
      dangling: 0,
    });
    assert.equal(row(1).quote, 1);
    assert.equal(row(1).dangling, 1);
    assert.equal(row(2).dangling, 1);
    assert.equal(row(2).late, 1);
    assert.ok(
      scoreOf(rows[0] as Float64Array, weightsFor(weights, 3)) >
        scoreOf(rows[1] as Float64Array, weightsFor(weights, 3)),
    );
  });

  it('knows length, frequency and numbers of sentences in any script', async () => {
    const sentences = ['Гавань Бреста закрыта в 2024 году.', 'Гавань Бреста открыта.', 'Да.'];
    const vectors = sentences.map(() => unit([1, 0]));
    const rows = await features(sentences, vectors, LEXICAL_WEIGHTS, turns);
    const of = (index: number, name: (typeof FEATURES)[number]) => rows[index]?.[FEATURES.indexOf(name)] as number;
    assert.equal(of(0, 'length'), 6 / 20);
    assert.equal(of(0, 'number'), 1);
    assert.equal(of(1, 'number'), 0);
    assert.ok(of(1, 'frequency') > of(0, 'frequency') && of(0, 'frequency') > 0);
  });

  it('mixes the weights of short and long texts between 10 and 25 sentences', async () => {
    const weights = readWeights((await starter('extractive-en')).manifest);
    assert.deepEqual(
      weightsFor(weights, 10),
      Object.fromEntries([...FEATURES, 'novelty'].map((name) => [name, weights.short[name as 'novelty']])),
    );
    assert.equal(weightsFor(weights, 40).centrality, weights.long.centrality);
    const middle = weightsFor(weights, 20).centrality;
    assert.ok(
      Math.abs(middle - (weights.short.centrality + (2 / 3) * (weights.long.centrality - weights.short.centrality))) <
        1e-12,
    );
  });

  it('is refused for a manifest that lacks a constant, by name', async () => {
    const { manifest } = await starter('extractive-en');
    const { novelty: _novelty, ...short } = (manifest.summarize?.weights?.short ?? {}) as Record<string, number>;
    const broken = {
      ...manifest,
      summarize: {
        ...manifest.summarize,
        mode: 'extractive' as const,
        weights: { ...manifest.summarize?.weights, short },
      },
    };
    assert.throws(() => readWeights(broken), withCode('MODEL_UNSUPPORTED', /short.novelty/));
  });
});

describe('the choice', () => {
  const vectors = [unit([1, 0]), unit([1, 0.1]), unit([0, 1])];
  const places = async (scores: number[], novelty: number, budget: Budget): Promise<number[]> =>
    (await choose(scores, vectors, novelty, budget, turns)).map(({ index }) => index);

  it('takes the best, then what is best less what it repeats; the earlier of equals', async () => {
    assert.deepEqual(await places([1, 0.95, 0.5], 1, { sentencesMax: 2 }), [0, 2]);
    assert.deepEqual(await places([1, 0.95, 0.5], 0, { sentencesMax: 2 }), [0, 1]);
    assert.deepEqual(await places([1, 1, 1], 0, { sentencesMax: 1 }), [0]);
  });

  it('passes over what no longer fits', async () => {
    const costs = { of: [10, 50, 5], budget: 16 };
    assert.deepEqual(await places([1, 2, 0.1], 0, { sentencesMax: 3, costs }), [0, 2]);
  });
});

describe('places in bytes', () => {
  it('are those of the UTF-8 form, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const offsets = Array.from({ length: text.length }, (_, at) => at).filter(
          (at) => !/[\udc00-\udfff]/.test(text[at] ?? ''),
        );
        assert.deepEqual(
          byteOffsets(text, offsets),
          offsets.map((at) => Buffer.byteLength(text.slice(0, at))),
        );
      }),
    );
  });
});

describe('words', () => {
  it('are counted as a reader counts them', () => {
    assert.equal(countWords("It's a well-known fact: 3.5 litres!"), 6);
    assert.equal(countWords('今天天气很好'), 3);
    assert.equal(countWords(' – … '), 0);
  });

  it('are counted in turns as in one go, in a text without spaces too', async () => {
    for (const sentence of ['吾輩は猫である。名前はまだ無い。', "It's a well-known fact, said Mr. O'Neill. "]) {
      let turnsTaken = 0;
      const counted = { take: () => void turnsTaken++, spent: () => {} };
      assert.equal(await countWordsInTurns(sentence.repeat(20_000), counted), countWords(sentence) * 20_000);
      assert.ok(turnsTaken > 2, `${turnsTaken} turns`);
    }
  });

  it('are found in every script, lower-case and in one form', () => {
    for (const [text, words] of [
      ["It's a well-known fact: 3.5 litres!", ['it', 's', 'a', 'well', 'known', 'fact', '3', '5', 'litres']],
      ['Größe – Straße 2024', ['größe', 'straße', '2024']],
      ['Гавань Бреста', ['гавань', 'бреста']],
      ['हिन्दी भाषा', ['हिन्दी', 'भाषा']],
      ['cafe\u0301 ＡＢＣ', ['café', 'abc']],
      ['今天天气很好', ['今天', '天气', '很好']],
    ] as const) {
      assert.deepEqual(wordsOf(text), words, text);
    }
  });

  it('say what a text is about where they are of some length, which is less in Chinese', () => {
    const content = (text: string): string[] => wordsOf(text).filter(isContent);
    assert.deepEqual(content('the harbour was closed'), ['harbour', 'closed']);
    assert.deepEqual(content('今天天气很好'), ['今天', '天气', '很好']);
  });
});
