/** plexus.v1.Summarize on a real server: the starter model, small random generators, and a real T5 where the shared folder has it. */
import assert from 'node:assert/strict';
import { createChannel } from '../../../chassis/channel.js';
import { systemClock } from '../../../chassis/clock.js';
import { MeshError } from '../../../chassis/errors.js';
import { createServer } from '../../../chassis/server.js';
import type { Hub } from '../../../inference/index.js';
import type { SummarizeRequest } from '../../../protos/gen/plexus/v1/SummarizeRequest.js';
import { definition } from '../../../protos/index.js';
import type { SummarizeModel } from '../../../services/summarize/model.js';
import { createSummarizeService } from '../../../services/summarize/service.js';
import { stored } from '../../inference/generate/models.js';
import { withCode } from '../../kit/model-folder.js';
import { refuses } from '../../kit/refused.js';
import { testServerSettings } from '../../kit/settings.js';
import { shared, sharedOrSkip } from '../../kit/shared.js';
import { type ServedSummarize, serveSummarize } from './serve.js';

const ARTICLE = [
  'The harbour of Brest was closed on Monday after a storm that nobody had foreseen.',
  'Ships waited outside the harbour, and the storm lasted two days.',
  'Fishermen said that it was the worst storm in the harbour since 1987.',
  'A bakery in the old town gave away its bread to the crews.',
  'The port authority expects to open the harbour again on Thursday.',
  'Two cranes were damaged, and repairs will cost three million euros – paid by the city.',
].join(' ');
/** Words of the random models. */
const WORDS = Array.from({ length: 40 }, (_, index) => `w${10 + ((index * 7) % 80)}`).join(' ');
const LONG_WORDS = Array.from(
  { length: 30 },
  (_, index) => `w${10 + index} w${40 + index} w${20 + index} w${12 + index} w${15 + index}.`,
).join(' ');

describe('the summarize service, choosing sentences', () => {
  let served: ServedSummarize;
  before(async () => {
    served = await serveSummarize(['extractive-en'], { sentencesMax: 40 });
  });
  after(() => served?.close());
  const one = async (request: SummarizeRequest) =>
    (await served.summarize({ texts: [ARTICLE], ...request })).summaries[0];

  it('gives sentences of the source with their places, and says who answered and what it read', async () => {
    const { model, usage, timings, summaries } = await served.summarize({ texts: [ARTICLE, '', 'One sentence only.'] });
    assert.equal(model?.name, 'extractive-en');
    assert.equal(model?.instance, 'summarize-1');
    assert.equal(usage?.texts, 3);
    assert.ok((usage?.inputTokens ?? 0) > 80 && usage?.outputTokens === 0);
    assert.ok((timings?.totalMs ?? 0) >= (timings?.computeMs ?? 0) && (timings?.computeMs ?? 0) > 0);
    assert.equal(summaries.length, 3);
    const [first, empty, single] = summaries;
    assert.equal(first?.mode, 'SUMMARIZE_MODE_EXTRACTIVE');
    assert.equal(first?.spans.length, 3);
    const bytes = Buffer.from(ARTICLE);
    const verbatim = first?.spans.map(({ utf16Start, utf16End }) => ARTICLE.slice(utf16Start, utf16End));
    assert.equal(first?.text, verbatim?.join(' '));
    assert.deepEqual(
      first?.spans.map(({ byteStart, byteEnd }) => bytes.subarray(byteStart, byteEnd).toString()),
      verbatim,
    );
    assert.deepEqual(first?.coverage, {
      sourceTokens: first?.coverage?.readTokens,
      readTokens: first?.coverage?.readTokens,
      parts: 1,
    });
    assert.deepEqual([empty?.text, empty?.warnings, empty?.spans], ['', ['EMPTY_OUTPUT'], []]);
    assert.equal(single?.text, 'One sentence only.');
  });

  it('makes bullets, keeps to lengths, follows a focus, and measures support', async () => {
    const bullets = await one({ format: 'SUMMARY_FORMAT_BULLETS', length: { sentences: 2 } });
    assert.match(bullets?.text ?? '', /^- [^\n]+\n- [^\n]+$/);
    assert.equal((await one({ length: { sentences: 5 } }))?.spans.length, 5);
    assert.ok(((await one({ length: { words: 20 } }))?.text.split(' ').length ?? 99) <= 20);
    assert.ok(((await one({ length: { share: 0.5 } }))?.spans.length ?? 0) >= 2);
    assert.match((await one({ focus: 'bread from the bakery', length: { sentences: 1 } }))?.text ?? '', /bakery/);
    assert.equal((await one({ faithfulness: true }))?.faithfulness, 1);
    assert.equal((await one({}))?.faithfulness ?? 0, 0);
  });

  it('streams the sentences in order; together they are the summary', async () => {
    for (const format of ['SUMMARY_FORMAT_PARAGRAPH', 'SUMMARY_FORMAT_BULLETS'] as const) {
      const { deltas, done } = await served.stream({ text: ARTICLE, format });
      assert.equal(deltas.length, 3);
      assert.equal(deltas.join(''), done.summaries[0]?.text);
    }
  });

  it('says how much it read of a sentence longer than the embedder takes', async () => {
    const text = `${ARTICLE} ${Array.from({ length: 600 }, (_, index) => `item ${index}`).join(', ')}.`;
    const { summaries } = await served.summarize({ texts: [text] });
    const { sourceTokens = 0, readTokens = 0 } = summaries[0]?.coverage ?? {};
    assert.deepEqual(summaries[0]?.warnings, ['SOURCE_THINNED']);
    assert.ok(readTokens > 200 && readTokens < sourceTokens - 500, `${readTokens} of ${sourceTokens}`);
  });

  it('says how much it read of a text too long to compare', async () => {
    const text = Array.from(
      { length: 200 },
      (_, index) => `Ship number ${index} left the harbour for Brest with ${index} tons of grain.`,
    ).join(' ');
    const { summaries } = await served.summarize({ texts: [text] });
    const coverage = summaries[0]?.coverage;
    assert.deepEqual(summaries[0]?.warnings, ['SOURCE_THINNED']);
    assert.ok((coverage?.readTokens ?? 0) < (coverage?.sourceTokens ?? 0) / 3 && (coverage?.readTokens ?? 0) > 0);
  });

  refuses(() => {
    const call = (what: SummarizeRequest) => () => served.summarize({ texts: [ARTICLE], ...what });
    return [
      { what: 'no text', call: call({ texts: [] }), code: 'FIELD_REQUIRED', field: 'texts', says: /1 to 64/ },
      { what: '65 texts', call: call({ texts: new Array(65).fill('a') }), code: 'TOO_MANY_ITEMS', field: 'texts' },
      {
        what: 'a text of 10 MB',
        call: call({ texts: ['ok', 'x'.repeat(10_000_000)] }),
        code: 'TEXT_TOO_LONG',
        field: 'texts[1]',
        says: /at most 2000000/,
      },
      { what: 'an unknown model', call: call({ model: 'gpt-9' }), code: 'MODEL_UNKNOWN', field: 'model' },
      {
        what: 'a model of another task',
        call: call({ model: 'minilm-l3-en' }),
        code: 'MODEL_WRONG_TASK',
        field: 'model',
      },
      {
        what: 'a length of no sentences',
        call: call({ length: { sentences: 0 } }),
        code: 'FIELD_INVALID',
        field: 'length.sentences',
      },
      {
        what: 'a share that is no number',
        call: call({ length: { share: Number.NaN } }),
        code: 'FIELD_INVALID',
        field: 'length.share',
      },
      {
        what: 'a share of nothing',
        call: call({ length: { share: 0 } }),
        code: 'FIELD_INVALID',
        field: 'length.share',
      },
      {
        what: 'a language that is no tag',
        call: call({ language: 'not a tag' }),
        code: 'FIELD_INVALID',
        field: 'language',
      },
      { what: 'a focus without end', call: call({ focus: 'f'.repeat(1_001) }), code: 'TEXT_TOO_LONG', field: 'focus' },
      {
        what: 'writing',
        call: call({ mode: 'SUMMARIZE_MODE_ABSTRACTIVE' }),
        code: 'OPTION_UNSUPPORTED',
        field: 'mode',
        says: /extractive model/,
      },
      {
        what: 'generation parameters',
        call: call({ generation: { numBeams: 2 } }),
        code: 'OPTION_UNSUPPORTED',
        field: 'generation',
      },
      {
        what: 'a way to combine',
        call: call({ combine: 'COMBINE_REFINE' }),
        code: 'OPTION_UNSUPPORTED',
        field: 'combine',
      },
      { what: 'a mode that is none', call: call({ mode: 9 as never }), code: 'FIELD_INVALID', field: 'mode' },
    ];
  });
});

describe('the summarize service, writing', () => {
  let served: ServedSummarize;
  before(async () => {
    served = await serveSummarize(['t5', 'llama'], { partsMax: 6 });
  });
  after(() => served?.close());
  const one = async (request: SummarizeRequest) =>
    (await served.summarize({ texts: [WORDS], ...request })).summaries[0];

  it('generates, and returns ids, scores, log-probabilities and why it ended', async () => {
    const { summaries, usage } = await served.summarize({
      texts: [WORDS, WORDS],
      generation: { maxNewTokens: 9, numBeams: 3, numReturnSequences: 2, returnLogprobs: true },
    });
    assert.equal(usage?.inputTokens, 82);
    const [first, second] = summaries;
    assert.equal(first?.mode, 'SUMMARIZE_MODE_ABSTRACTIVE');
    assert.deepEqual(
      first?.sequences.map(({ ids }) => ids),
      second?.sequences.map(({ ids }) => ids),
    );
    assert.equal(first?.sequences.length, 2);
    const best = first?.sequences[0];
    assert.equal(first?.text, best?.text);
    assert.equal(best?.logprobs.length, best?.ids.length);
    const sum = (best?.logprobs ?? []).reduce((total, each) => total + each, 0);
    assert.ok(Math.abs((best?.score ?? 0) - sum / (best?.ids.length ?? 1)) < 1e-4, 'length penalty 1');
    assert.ok((best?.score ?? 0) >= (first?.sequences[1]?.score ?? 0));
    assert.equal(
      usage?.outputTokens,
      summaries.flatMap(({ sequences }) => sequences).reduce((total, { ids }) => total + ids.length, 0),
    );
    assert.ok(['FINISH_REASON_LENGTH', 'FINISH_REASON_EOS'].includes(first?.finishReason ?? ''));
  });

  it('leaves out the score that greedy decoding does not compute, and gives it with log-probabilities', async () => {
    const plain = (await one({ generation: { maxNewTokens: 5 } }))?.sequences[0];
    assert.equal(plain?.score, undefined);
    const asked = (await one({ generation: { maxNewTokens: 5, returnLogprobs: true } }))?.sequences[0];
    const sum = (asked?.logprobs ?? []).reduce((total, each) => total + each, 0);
    assert.ok(sum < 0 && Math.abs((asked?.score ?? 0) - sum) < 1e-4);
  });

  it('streams what it writes; together it is the summary, and the same as without a stream', async () => {
    for (const generation of [
      { maxNewTokens: 12 },
      { maxNewTokens: 12, doSample: true, seed: 7 },
      { maxNewTokens: 12, noRepeatNgramSize: 1 },
    ]) {
      const { deltas, done } = await served.stream({ text: WORDS, generation });
      assert.ok(deltas.length > 3, `${deltas.length} deltas`);
      assert.equal(deltas.join(''), done.summaries[0]?.text);
      assert.equal(done.summaries[0]?.text, (await one({ generation }))?.text);
    }
  });

  it('shows nothing before the end under beams, then all of it, and says so', async () => {
    const generation = { numBeams: 3, maxNewTokens: 12 };
    const { deltas, done } = await served.stream({ text: WORDS, generation });
    assert.deepEqual(deltas, [done.summaries[0]?.text]);
    assert.ok(done.summaries[0]?.warnings.includes('NOT_STREAMED'));
    assert.ok(!(await one({ generation }))?.warnings.includes('NOT_STREAMED'), 'nothing was to be streamed');
  });

  it('stops a loop and says so; what a stream has shown stays', async () => {
    const generation = { maxNewTokens: 60 };
    const text = 'w76 w13 w21 w26';
    const whole = await one({ texts: [text], generation });
    assert.equal(whole?.finishReason, 'FINISH_REASON_REPETITION');
    assert.ok(whole?.warnings.includes('REPETITION_STOPPED'));
    const { deltas, done } = await served.stream({ text, generation });
    assert.equal(deltas.join(''), done.summaries[0]?.text);
    assert.ok((done.summaries[0]?.text.length ?? 0) > (whole?.text.length ?? 0));
    assert.equal(done.summaries[0]?.finishReason, 'FINISH_REASON_REPETITION');
  });

  for (const combine of ['COMBINE_MAP_REDUCE', 'COMBINE_REFINE', 'COMBINE_EXTRACT_THEN_ABSTRACT'] as const) {
    it(`reads a text longer than the model and says how much of it: ${combine}`, async () => {
      const generation = { maxNewTokens: 5, noRepeatNgramSize: 2 };
      const { summaries, usage } = await served.summarize({ texts: [LONG_WORDS], combine, generation });
      const { sourceTokens = 0, readTokens = 0, parts = 0 } = summaries[0]?.coverage ?? {};
      assert.ok(sourceTokens > 150, `${sourceTokens} tokens`);
      if (combine === 'COMBINE_EXTRACT_THEN_ABSTRACT') {
        assert.ok(readTokens > 20 && readTokens < 64 && parts === 1, `${readTokens} of ${sourceTokens} in ${parts}`);
      } else assert.ok(readTokens >= sourceTokens * 0.95 && parts >= 3, `${readTokens} of ${sourceTokens} in ${parts}`);
      assert.ok((usage?.outputTokens ?? 0) > 0);
      assert.deepEqual(
        summaries[0]?.warnings.filter((each) => each === 'SOURCE_THINNED'),
        [],
      );
    });
  }

  it('reads parts from all over a text too long even for its parts, and says so', async () => {
    const { summaries } = await served.summarize({
      texts: [Array(20).fill(LONG_WORDS).join(' ')],
      generation: { maxNewTokens: 3 },
    });
    const { sourceTokens = 0, readTokens = 0, parts } = summaries[0]?.coverage ?? {};
    assert.equal(parts, 6);
    assert.ok(readTokens < sourceTokens / 5);
    assert.ok(summaries[0]?.warnings.includes('SOURCE_THINNED'));
  });

  it('keeps to a length in tokens, words, sentences and a share, the same with and without a stream', async () => {
    assert.equal((await one({ length: { tokens: 4 }, texts: [WORDS] }))?.sequences[0]?.ids.length, 4);
    for (const length of [{ sentences: 1 }, { words: 6 }, { share: 0.2 }]) {
      const generation = { doSample: true, seed: 3 };
      const { deltas, done } = await served.stream({ text: LONG_WORDS.slice(0, 120), length, generation });
      const text = (await one({ texts: [LONG_WORDS.slice(0, 120)], length, generation }))?.text ?? '';
      assert.equal(deltas.join(''), done.summaries[0]?.text);
      assert.equal(text, deltas.join(''));
      const ends = text.match(/\.(?= |$)/g)?.length ?? 0;
      assert.ok(text !== '' && ends <= 1, `${JSON.stringify(length)}: ${text}`);
    }
  });

  it('writes as long as asked behind a text that fills the positions of a decoder-only model', async () => {
    const { summaries } = await served.summarize({
      model: 'llama',
      texts: [LONG_WORDS],
      length: { tokens: 30 },
      generation: { minNewTokens: 30 },
      combine: 'COMBINE_EXTRACT_THEN_ABSTRACT',
    });
    assert.equal(summaries[0]?.sequences[0]?.ids.length, 30);
  });

  it('forces and suppresses tokens as asked', async () => {
    const text = WORDS;
    const ids = async (generation: SummarizeRequest['generation']) =>
      (await one({ texts: [text], generation: { maxNewTokens: 8, minNewTokens: 8, ...generation } }))?.sequences[0]
        ?.ids ?? [];
    const [first, second] = await ids({});
    assert.ok(first !== undefined && second !== undefined);
    assert.equal((await ids({ forcedBosTokenId: 17 }))[0], 17);
    assert.equal((await ids({ forcedEosTokenId: [19] })).at(-1), 19);
    assert.ok(!(await ids({ suppressTokens: [first] })).includes(first));
    assert.notEqual((await ids({ beginSuppressTokens: [first] }))[0], first);
    assert.notDeepEqual((await ids({ badWordsIds: [{ ids: [first, second] }] })).slice(0, 2), [first, second]);
  });

  it('gives a text without words an empty summary that says so, beside others', async () => {
    const { summaries } = await served.summarize({ texts: ['  ', WORDS], generation: { maxNewTokens: 4 } });
    assert.deepEqual([summaries[0]?.text, summaries[0]?.warnings], ['', ['EMPTY_OUTPUT']]);
    assert.notEqual(summaries[1]?.text, '');
  });

  it('writes with a decoder-only model, its prompt counted', async () => {
    const { summaries, usage } = await served.summarize({
      model: 'llama',
      texts: ['w12 w13 w14 w15'],
      generation: { maxNewTokens: 7, minNewTokens: 7 },
    });
    assert.equal(usage?.inputTokens, 4);
    assert.equal(summaries[0]?.sequences[0]?.ids.length, 7);
  });

  it('ends at the deadline and at cancellation, and frees what they held', async () => {
    const generation = { maxNewTokens: 1_900, minNewTokens: 1_900, noRepeatNgramSize: 1 };
    await assert.rejects(
      served.summarize({ texts: [WORDS], generation }, { deadlineMs: Date.now() + 300 }),
      withCode('DEADLINE_EXCEEDED'),
    );
    const caller = new AbortController();
    const cancelled = served.summarize({ texts: [WORDS], generation }, { signal: caller.signal });
    setTimeout(() => caller.abort(new MeshError('CANCELLED', 'gone')), 100);
    await assert.rejects(cancelled, withCode('CANCELLED'));
    // Another long one would wait for ever if theirs still ran: rows and cache are free again.
    assert.equal((await one({ generation: { maxNewTokens: 3 } }))?.sequences[0]?.ids.length, 3);
  });

  refuses(() => {
    const call = (what: SummarizeRequest) => () => served.summarize({ texts: [WORDS], ...what });
    return [
      {
        what: 'a beam too many',
        call: call({ generation: { numBeams: 65 } }),
        code: 'FIELD_INVALID',
        field: 'generation.num_beams',
      },
      {
        what: 'a temperature that is no number',
        call: call({ generation: { doSample: true, temperature: Number.NaN } }),
        code: 'FIELD_INVALID',
        field: 'generation.temperature',
      },
      {
        what: 'an early stopping that is none',
        call: call({ generation: { earlyStopping: 7 as never } }),
        code: 'FIELD_INVALID',
        field: 'generation.early_stopping',
      },
      {
        what: 'two lengths',
        call: call({ length: { tokens: 5 }, generation: { maxNewTokens: 5 } }),
        code: 'FIELD_INVALID',
        field: 'length',
      },
      {
        what: 'a forced token outside the vocabulary',
        call: call({ generation: { forcedBosTokenId: 1_000_000 } }),
        code: 'FIELD_INVALID',
        field: 'generation.forced_bos_token_id',
      },
      {
        what: 'a bad word of no tokens',
        call: call({ generation: { badWordsIds: [{ ids: [5] }, { ids: [] }] } }),
        code: 'FIELD_INVALID',
        field: 'generation.bad_words_ids[1]',
      },
      {
        what: 'a bad word without end',
        call: call({ generation: { badWordsIds: [{ ids: new Array(65).fill(5) }] } }),
        code: 'TOO_MANY_ITEMS',
        field: 'generation.bad_words_ids[0]',
        says: /at most 64/,
      },
      {
        what: 'more suppressed tokens than are looked at',
        call: call({ generation: { suppressTokens: new Array(1_001).fill(5) } }),
        code: 'TOO_MANY_ITEMS',
        field: 'generation.suppress_tokens',
      },
      {
        what: 'a focus together with another way to combine',
        call: call({ focus: 'w12', combine: 'COMBINE_REFINE' }),
        code: 'FIELD_INVALID',
        field: 'combine',
        says: /EXTRACT_THEN_ABSTRACT/,
      },
      {
        what: 'an empty stop string',
        call: call({ generation: { stop: [''] } }),
        code: 'FIELD_INVALID',
        field: 'generation.stop[0]',
      },
      {
        what: 'choosing sentences',
        call: call({ mode: 'SUMMARIZE_MODE_EXTRACTIVE' }),
        code: 'OPTION_UNSUPPORTED',
        field: 'mode',
        says: /abstractive model/,
      },
    ];
  });
});

describe('the summarize service with a T5 that was trained', () => {
  let served: ServedSummarize;
  before(async function () {
    sharedOrSkip(this, 'models/tiny-t5-lead');
    served = await serveSummarize(['tiny-t5-lead']);
  });
  after(() => served?.close());

  it('answers the call of the essay with what transformers answers, beams 1 and 4', async () => {
    for (const numBeams of [1, 4]) {
      const generation = { maxLength: 50, numReturnSequences: 1, noRepeatNgramSize: 2, numBeams };
      const { summaries } = await served.summarize({
        texts: ["(CNN)He's a blue chip college basketball recruit. She's a high school freshman with Down syndrome."],
        generation,
      });
      assert.equal(summaries[0]?.text, "(CNN)He's a blue chip college basketball recruit.");
      assert.deepEqual(summaries[0]?.warnings, ['COPIED_SOURCE']);
    }
  });

  it('streams characters of many bytes whole', async () => {
    const text = 'Größe zählt für Zoë 🙂 und «Anna» – sagt sie. Das Wetter war gestern sehr schön.';
    const { deltas, done } = await served.stream({ text });
    assert.ok(
      deltas.every((delta) => !delta.includes('\ufffd') && !/[\ud800-\udbff]$/.test(delta)),
      JSON.stringify(deltas),
    );
    assert.equal(deltas.join(''), done.summaries[0]?.text);
  });

  it('reads a whole book in bounded parts', async function () {
    assert.ok(shared('datasets/text/botchan.txt') || sharedOrSkip(this, 'datasets/text/botchan.txt'));
    const { readFileSync } = await import('node:fs');
    const text = readFileSync(sharedOrSkip(this, 'datasets/text/botchan.txt'), 'utf8');
    const { summaries } = await served.summarize({ texts: [text], combine: 'COMBINE_EXTRACT_THEN_ABSTRACT' });
    assert.ok((summaries[0]?.coverage?.sourceTokens ?? 0) > 50_000);
    assert.notEqual(summaries[0]?.text, '');
  });
});

describe('a call one of whose parts has failed', () => {
  it('ends the work on the others, in a stream as in a batch', async () => {
    const signals: AbortSignal[] = [];
    const fail = (signal: AbortSignal): never => {
      signals.push(signal);
      throw new MeshError('MODEL_FAILED', 'a part failed');
    };
    const model = {
      manifest: stored('failing', '').manifest,
      mode: 'abstractive',
      newCaller: () => 1,
      check: () => {},
      summarize: async (_text: string, _options: unknown, { signal }: { signal: AbortSignal }) => fail(signal),
      // biome-ignore lint/correctness/useYield: it fails before there is anything to show
      async *stream(_text: string, _options: unknown, { signal }: { signal: AbortSignal }) {
        fail(signal);
      },
    } as unknown as SummarizeModel;
    const service = createSummarizeService({
      hub: { lease: () => ({ model, release: () => {} }) } as unknown as Hub<SummarizeModel>,
      instance: 'summarize-1',
      clock: systemClock,
      textsTogether: 8,
    });
    const server = createServer({ services: [service], address: '127.0.0.1:0', settings: testServerSettings() });
    const channel = createChannel(`127.0.0.1:${await server.start()}`);
    try {
      const { Summarize, SummarizeStream } = definition('plexus.v1.Summarize');
      const deadlineMs = Date.now() + 30_000;
      await assert.rejects(channel.unary(Summarize, { texts: ['a'] }, { deadlineMs }), withCode('MODEL_FAILED'));
      const read = async () => {
        for await (const _event of channel.serverStream(SummarizeStream, { text: 'a' }, { deadlineMs })) void _event;
      };
      await assert.rejects(read(), withCode('MODEL_FAILED'));
      assert.deepEqual(
        signals.map(({ aborted }) => aborted),
        [true, true],
      );
    } finally {
      channel.close();
      await server.drain(0);
    }
  });
});
