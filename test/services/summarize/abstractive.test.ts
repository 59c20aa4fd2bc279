/** A model that writes, on a writer whose words are known: lengths, parts, what was read, and what is said of the result. */
import assert from 'node:assert/strict';
import { systemClock } from '../../../chassis/clock.js';
import { readSettings } from '../../../chassis/settings.js';
import { countWords } from '../../../inference/extract/index.js';
import type { EncoderModel } from '../../../inference/index.js';
import { slowest } from '../../../services/answer.js';
import { createAbstractive } from '../../../services/summarize/abstractive.js';
import type { Summarized, SummarizeOptions } from '../../../services/summarize/model.js';
import { type SummarizeSettings, summarizeSettings } from '../../../services/summarize/settings.js';
import { createWriter, type Writer, type WriterOptions } from './writer.js';

const OPTIONS: SummarizeOptions = {
  length: undefined,
  generation: undefined,
  focus: '',
  bullets: false,
  combine: 'map_reduce',
  faithfulness: false,
  language: 'en',
  field: 'text',
};
const run = () => ({ signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY, caller: 1 });

const STORY = [
  'The harbour of Brest was closed on Monday after a storm.',
  'Ships waited outside, and the storm lasted two days.',
  'A bakery in the old town gave away its bread.',
  'The port authority expects to open again on Thursday.',
];
/** `count` sentences of six words, each another. */
const sentences = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `Ship number ${index} left port ${index}.`);

const summarize = async (
  text: string,
  options: Partial<SummarizeOptions>,
  writer: WriterOptions,
  changes: Partial<SummarizeSettings> = {},
): Promise<Summarized & Pick<Writer, 'calls'>> => {
  const { generator, calls } = createWriter(writer);
  const model = createAbstractive(generator, { ...readSettings(summarizeSettings, {}), ...changes }, systemClock);
  return { ...(await model.summarize(text, { ...OPTIONS, ...options }, run())), calls };
};
const newTokens = ({ resolved }: Writer['calls'][number]): number => resolved.maxLength - resolved.promptLength;

describe('the length of what a model writes', () => {
  const wordy = { write: () => sentences(40).join(' ') };

  it('is that asked for in tokens, exactly where the model has more to say', async () => {
    assert.equal((await summarize('A text.', { length: { tokens: 9 } }, wordy)).sequences[0]?.ids.length, 9);
  });

  it('is at most that asked for in sentences, words or a share of the source, whole sentences', async () => {
    const cases: [SummarizeOptions['length'], number][] = [
      [{ sentences: 3 }, 3],
      [{ words: 20 }, 3],
      [{ share: 0.5 }, 2],
    ];
    for (const [length, count] of cases) {
      const { text } = await summarize(sentences(4).join(' '), { length }, wordy);
      assert.equal(text, sentences(count).join(' '), JSON.stringify(length));
    }
  });

  it('ends the writing where it is reached, with or without a stream', async () => {
    const { calls, outputTokens, sequences } = await summarize('A text.', { length: { sentences: 2 } }, wordy);
    assert.ok((calls[0]?.taken ?? 0) <= 20, `${calls[0]?.taken} of 240 tokens`);
    assert.equal(outputTokens, calls[0]?.taken);
    assert.equal(sequences[0]?.finish, 'length');
  });

  it('leaves a decoder-only model room to write it, however long the text', async () => {
    const { calls } = await summarize(
      sentences(400).join(' '),
      { length: { tokens: 100 }, combine: 'extract_then_abstract' },
      { ...wordy, seq2seq: false, positionsMax: 512, inputTokensMax: 511 },
    );
    const last = calls.at(-1);
    assert.ok(last);
    assert.equal(newTokens(last), 100);
    assert.ok(last.resolved.promptLength > 300 && last.resolved.promptLength <= 412, `${last.resolved.promptLength}`);
  });

  it('takes at most half of the positions of a decoder-only model', async () => {
    const { calls } = await summarize(
      sentences(400).join(' '),
      { length: { tokens: 5_000 }, combine: 'extract_then_abstract' },
      { ...wordy, seq2seq: false, positionsMax: 512, inputTokensMax: 511 },
    );
    assert.equal(newTokens(calls.at(-1) as (typeof calls)[number]), 256);
  });

  it("goes before the model's own least length, so that it may end", async () => {
    const short = { write: () => 'Brest is closed.', defaults: { minLength: 56, maxLength: 142 } };
    const { text, finish } = await summarize(STORY.join(' '), { length: { words: 10 } }, short);
    assert.equal(finish, 'eos');
    assert.match(text, /^Brest is closed\./);
    assert.ok(countWords(text) <= 10, text);
    const named = summarize(STORY.join(' '), { length: { words: 10 }, generation: { minNewTokens: 90 } }, short);
    await assert.rejects(named, /generation.min_new_tokens: must be at most/);
  });
});

describe('a text longer than the model, in parts', () => {
  const first = { write: (input: string) => input.match(/^[^.]*\./)?.[0] ?? '' };

  it('is read in full: every word of it stands in some part', async () => {
    const text = sentences(60).join(' ');
    const { calls, coverage, warnings } = await summarize(text, {}, first);
    const read = calls.map(({ input }) => input).join(' ');
    for (const sentence of sentences(60)) assert.ok(read.includes(sentence), sentence);
    assert.equal(coverage.sourceTokens, 360);
    assert.equal(coverage.readTokens, 360);
    assert.deepEqual(warnings, ['COPIED_SOURCE']);
  });

  it('lets no part write more than half of an input, whatever length the whole may have', async () => {
    const wordy = { write: () => sentences(400).join(' '), inputTokensMax: 128 };
    const { calls } = await summarize(sentences(300).join(' '), { length: { share: 0.5 } }, wordy);
    const parts = calls.slice(0, -1);
    assert.ok(parts.length > 10, `${parts.length} parts`);
    for (const part of parts) assert.ok(newTokens(part) <= 64, `${newTokens(part)} tokens for a part`);
    assert.ok(newTokens(calls.at(-1) as (typeof calls)[number]) > 900, 'the whole has the length asked for');
  });

  it('lets a part write what the model writes by itself where the whole is to be short', async () => {
    const { calls } = await summarize(
      sentences(60).join(' '),
      { length: { tokens: 4 } },
      { ...first, defaults: { maxLength: 25, minLength: 22 } },
    );
    assert.equal(newTokens(calls[0] as (typeof calls)[number]), 24);
    assert.equal(newTokens(calls.at(-1) as (typeof calls)[number]), 4);
  });

  it('keeps to what a caller asks of generation, its least length included, and never forbids to end', async () => {
    const { calls } = await summarize(
      sentences(60).join(' '),
      { generation: { maxNewTokens: 200, minNewTokens: 100 } },
      { ...first },
    );
    const { resolved } = calls[0] as (typeof calls)[number];
    assert.ok(resolved.maxLength - 1 <= 32 && resolved.minLength < resolved.maxLength, JSON.stringify(resolved));
    assert.equal(calls.at(-1)?.resolved.minLength, 101);
  });

  it('has an empty summary that says so where nothing was written of any part', async () => {
    const { text, warnings, calls, coverage } = await summarize(sentences(60).join(' '), {}, { write: () => '' });
    assert.equal(text, '');
    assert.deepEqual(warnings, ['EMPTY_OUTPUT']);
    assert.ok(calls.every(({ input }) => input !== ''));
    assert.equal(coverage.readTokens, 360);
  });

  it('says where a loop was cut, also in the summary of one part', async () => {
    const { warnings } = await summarize(
      sentences(60).join(' '),
      {},
      { write: () => 'Many ships left.', loops: (input) => input.includes('number 33 ') },
    );
    assert.deepEqual(warnings, ['REPETITION_STOPPED']);
  });

  it('is compared by an embedder as far as the setting goes', async () => {
    const { generator } = createWriter({ write: () => 'Many ships left.' });
    let compared = 0;
    const embedder = {
      manifest: { maxTokens: 256 },
      texts: {
        fit: async (texts: readonly unknown[]) => texts.map(() => ({ ids: new Int32Array(2), truncated: false })),
        count: async () => [],
      },
      runAll: async (texts: readonly unknown[]) => {
        compared += texts.length;
        return texts.map(() => ({ output: Float32Array.of(1, 0), timings: slowest(0, []) }));
      },
    } as unknown as EncoderModel;
    const settings = { ...readSettings(summarizeSettings, {}), sentencesMax: 50 };
    const model = createAbstractive(generator, settings, systemClock, embedder);
    const text = sentences(400).join(' ');
    await model.summarize(text, { ...OPTIONS, combine: 'extract_then_abstract' }, run());
    assert.equal(compared, 50);
  });

  it('says where only some of its sentences were compared', async () => {
    const { warnings } = await summarize(
      sentences(2_100).join(' '),
      { combine: 'extract_then_abstract' },
      { write: () => 'Many ships left.' },
    );
    assert.deepEqual(warnings, ['SOURCE_THINNED']);
  });
});

describe('what is said of a summary', () => {
  const source = STORY.join('\n');

  it('is that it was copied where each of its sentences stands in the source, wherever that is', async () => {
    for (const [written, warnings] of [
      [`${STORY[0]} ${STORY[3]}`, ['COPIED_SOURCE']],
      [`${STORY[0]} The crews were given bread.`, []],
      ['The harbour of Brest was', ['COPIED_SOURCE']],
    ] as const) {
      assert.deepEqual((await summarize(source, {}, { write: () => written })).warnings, warnings, written);
    }
  });

  it('is that it is in another language, by script or by small words', async () => {
    const german = 'Der Hafen ist nach dem Sturm geschlossen und die Schiffe warten auf das Ende.';
    for (const [from, to, warnings] of [
      [source, 'Гавань Бреста закрыта после шторма.', ['LANGUAGE_CHANGED']],
      [german, 'The harbour is closed after the storm and ships wait for the end of it.', ['LANGUAGE_CHANGED']],
      [german, 'Der Hafen ist zu und das wird er auch bleiben.', []],
      [source, 'Brest, Thursday, Monday.', []],
    ] as const) {
      assert.deepEqual((await summarize(from, {}, { write: () => to })).warnings, warnings, to);
    }
  });

  it('is how well the source supports it, also where that stands at the end of a book', async () => {
    const book = [...sentences(2_000), ...STORY].join(' ');
    const told = { faithfulness: true, combine: 'extract_then_abstract' } as const;
    const score = async (written: string) =>
      (await summarize(book, told, { write: () => written }, { sentencesMax: 50 })).faithfulness ?? 0;
    const retold = await score('Brest closed its harbour on Monday after a storm.');
    const invented = await score('Parliament voted for lower taxes on bread.');
    assert.ok(retold > 0.6 && invented < 0.4, `${retold}, ${invented}`);
  });

  it('is full support for sentences of the source in bullets', async () => {
    const { text, faithfulness } = await summarize(
      source,
      { faithfulness: true, bullets: true },
      { write: () => `${STORY[0]} ${STORY[3]}` },
    );
    assert.equal(text, `- ${STORY[0]}\n- ${STORY[3]}`);
    assert.equal(faithfulness, 1);
  });
});
