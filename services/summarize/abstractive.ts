/** A model that writes: prompt, parts where the text is long, generation, and a look at what came out. */
import type { Clock } from '../../chassis/clock.js';
import { countWordsInTurns, findSentences, lexicalVectors } from '../../inference/extract/index.js';
import type { Generated, Generation, GenerationParameters, GeneratorModel } from '../../inference/generate/index.js';
import type { EncoderModel } from '../../inference/index.js';
import { rpcTurns } from '../../inference/turns.js';
import { slowest, type WorkTimings } from '../answer.js';
import { embedSentences } from './embedding.js';
import { faithfulnessOf } from './faithfulness.js';
import { createFlow, type Layout, layOut } from './format.js';
import type {
  GeneratedText,
  RunSummarize,
  Summarized,
  SummarizeEvent,
  SummarizeModel,
  SummarizeOptions,
  Warning,
} from './model.js';
import { mapReduce, mostImportant, type PartsDeps, type Reduced, refine } from './parts.js';
import type { SummarizeSettings } from './settings.js';

/** What a text has become before its summary is written. */
interface Prepared {
  input: Int32Array;
  given: GenerationParameters;
  layout: Layout;
  sourceTokens: number;
  reduced: Reduced | undefined;
  /** Of the parts; the last generation is added to it. */
  inputTokens: number;
  outputTokens: number;
  timings: WorkTimings;
}

/** Tokens that are kept free for the answer of a decoder-only model that says nothing of its own. */
const ANSWER_TOKENS = 128;
/** Tokens a sentence may need, generously. */
const SENTENCE_TOKENS = 64;

export function createAbstractive(
  generator: GeneratorModel,
  settings: SummarizeSettings,
  clock: Clock,
  /** Compares sentences, for a focus and for faithfulness; undefined: by the words they share. */
  embedder?: EncoderModel,
): SummarizeModel {
  const { manifest, tokenizer, texts, model } = generator;
  const prefix = manifest.summarize?.prefix ?? '';
  const prefixTokens = prefix === '' ? 0 : tokenizer.count(prefix, false);

  /** Tokens of one input: all the model takes, less what a decoder-only model needs to answer in. */
  const inputMax = (given: GenerationParameters): number => {
    if (model.seq2seq) return generator.inputTokensMax;
    const answer = given.maxNewTokens ?? model.defaults.maxNewTokens ?? ANSWER_TOKENS;
    return Math.max(
      prefixTokens + 8,
      Math.min(generator.inputTokensMax, (model.positionsMax ?? Number.POSITIVE_INFINITY) - answer),
    );
  };

  /** The request's length in the terms of generation and of layout. */
  const lengthOf = async (text: string, sourceTokens: number, { length, bullets, language }: SummarizeOptions) => {
    const layout: Layout = {
      bullets,
      sentencesMax: Number.POSITIVE_INFINITY,
      wordsMax: Number.POSITIVE_INFINITY,
      locale: language,
    };
    if (!length) return { layout, given: {} };
    const limit = generator.newTokensMax(Math.min(sourceTokens, generator.inputTokensMax - 1));
    if ('tokens' in length) return { layout, given: { maxNewTokens: Math.min(length.tokens, limit) } };
    if ('sentences' in length) {
      layout.sentencesMax = length.sentences;
      return { layout, given: { maxNewTokens: Math.min(limit, length.sentences * SENTENCE_TOKENS) } };
    }
    const sourceWords = await countWordsInTurns(text, rpcTurns);
    layout.wordsMax = 'words' in length ? length.words : Math.max(1, Math.round(length.share * sourceWords));
    const tokensPerWord = Math.min(4, Math.max(1, sourceTokens / Math.max(1, sourceWords)));
    return { layout, given: { maxNewTokens: Math.min(limit, Math.ceil(layout.wordsMax * tokensPerWord * 1.25) + 8) } };
  };

  const prepare = async (text: string, options: SummarizeOptions, run: RunSummarize): Promise<Prepared> => {
    const { signal } = run;
    const startedMs = clock.monotonic();
    const [sourceTokens = 0] = await texts.count([prefix + text], true, signal);
    const { layout, given: asked } = await lengthOf(text, sourceTokens, options);
    const given: GenerationParameters = { repetitionGuard: true, ...options.generation, ...asked };
    const tokensMax = inputMax(given);
    const prepared: Prepared = {
      input: new Int32Array(0),
      given,
      layout,
      sourceTokens,
      reduced: undefined,
      inputTokens: 0,
      outputTokens: 0,
      timings: slowest(clock.monotonic() - startedMs, []),
    };
    let body = text;
    if (sourceTokens > tokensMax || options.focus !== '') {
      const single: GenerationParameters = { ...given, returnLogprobs: false };
      if (single.numReturnSequences !== undefined) single.numReturnSequences = 1;
      const write = async (part: string): Promise<string> => {
        const input = await encode(part, options.field, tokensMax, signal);
        const generation = await generator.generate(input, single, run);
        count(prepared, generation);
        return decode(generation.results[0] as Generated);
      };
      const room = tokensMax - prefixTokens;
      const deps: PartsDeps = {
        texts,
        room,
        summaryMax: given.maxNewTokens ?? ANSWER_TOKENS,
        partsMax: settings.partsMax,
        partsTogether: settings.partsTogether,
        locale: options.language,
        signal,
        embed: (sentences) => embed(sentences, options.field, run),
        write,
      };
      const half = Math.min(room, Math.max(32, Math.ceil(sourceTokens / 2))) - tokenizer.specialTokenCount();
      const reduced =
        options.focus !== ''
          ? await mostImportant(text, half, options.focus, deps)
          : options.combine === 'map_reduce'
            ? await mapReduce(text, deps)
            : options.combine === 'refine'
              ? await refine(text, deps)
              : await mostImportant(text, room - tokenizer.specialTokenCount(), '', deps);
      prepared.reduced = reduced;
      body = reduced.text;
    }
    const encodingMs = clock.monotonic();
    prepared.input = await encode(body, options.field, tokensMax, signal);
    prepared.timings.tokenizeMs += clock.monotonic() - encodingMs;
    return prepared;
  };

  const embed = async (
    sentences: readonly string[],
    field: string,
    run: RunSummarize,
  ): Promise<readonly ArrayLike<number>[]> =>
    embedder
      ? (await embedSentences(embedder, sentences, { field, run, clock })).vectors
      : lexicalVectors(sentences, rpcTurns);

  const encode = async (text: string, field: string, tokensMax: number, signal: AbortSignal): Promise<Int32Array> => {
    // Cut only where joining parts cost a token more than was counted; a text that is too long never comes here.
    const [fitted] = await texts.fit([{ text: prefix + text }], {
      tokensMax,
      truncate: 'right',
      field: () => field,
      signal,
    });
    return fitted?.ids ?? new Int32Array(0);
  };

  const decode = ({ ids }: Pick<Generated, 'ids'>): string => tokenizer.decode(ids).trim();

  const count = (prepared: Prepared, { inputTokens, outputTokens, timings }: Omit<Generation, 'results'>): void => {
    prepared.inputTokens += inputTokens;
    prepared.outputTokens += outputTokens;
    prepared.timings = slowest(prepared.timings.tokenizeMs, [{ timings: prepared.timings }, { timings }]);
  };

  const finish = async (
    text: string,
    options: SummarizeOptions,
    prepared: Prepared,
    sequences: GeneratedText[],
    summary: string,
    run: RunSummarize,
  ): Promise<Summarized> => {
    const { signal } = run;
    const { sourceTokens, reduced, inputTokens, outputTokens, timings } = prepared;
    const warnings: Warning[] = [];
    if (summary === '') warnings.push('EMPTY_OUTPUT');
    else if (copied(text, options.bullets ? summary.replace(/^- /gm, '') : summary)) warnings.push('COPIED_SOURCE');
    if (sequences[0]?.finish === 'repetition') warnings.push('REPETITION_STOPPED');
    if (reduced?.thinned) warnings.push('SOURCE_THINNED');
    let faithfulness: number | undefined;
    if (options.faithfulness) {
      const [own, source] = await Promise.all(
        [summary, text].map(async (each) =>
          (await findSentences(each, options.language, rpcTurns, signal)).map((sentence) => sentence.text),
        ),
      );
      faithfulness = await faithfulnessOf(own ?? [], source ?? [], {
        embed: (all) => embed(all, options.field, run),
        sentencesMax: settings.sentencesMax,
        turns: rpcTurns,
      });
    }
    return {
      text: summary,
      spans: [],
      coverage: {
        sourceTokens,
        readTokens: Math.min(sourceTokens, reduced?.readTokens ?? sourceTokens),
        parts: reduced?.parts ?? 1,
      },
      finish: sequences[0]?.finish,
      sequences,
      faithfulness,
      warnings,
      inputTokens,
      outputTokens,
      timings,
    };
  };

  const toText = (generated: Generated): GeneratedText => ({ ...generated, text: decode(generated) });

  /** A text without a word to read has no summary; the model would invent one. */
  const nothing = (): Summarized => ({
    text: '',
    spans: [],
    coverage: { sourceTokens: 0, readTokens: 0, parts: 0 },
    finish: undefined,
    sequences: [],
    faithfulness: undefined,
    warnings: ['EMPTY_OUTPUT'],
    inputTokens: 0,
    outputTokens: 0,
    timings: slowest(0, []),
  });

  async function* stream(
    text: string,
    options: SummarizeOptions,
    run: RunSummarize,
  ): AsyncGenerator<SummarizeEvent, void, undefined> {
    if (text.trim() === '') return yield { at: 'done', summarized: nothing() };
    const prepared = await prepare(text, options, run);
    const flow = createFlow(prepared.layout);
    const decoding = tokenizer.createDecodeStream();
    const shownIds: number[] = [];
    const logprobs: number[] = [];
    let shown = '';
    let done: Generation | undefined;
    for await (const event of generator.stream(prepared.input, prepared.given, run)) {
      if (event.at === 'done') {
        done = event;
        continue;
      }
      shownIds.push(event.id);
      logprobs.push(event.logprob);
      const delta = flow.push(decoding.push(event.id));
      shown += delta;
      if (delta !== '') yield { at: 'delta', text: delta };
      if (flow.full) break; // Leaving ends the generation: what would come is not shown.
    }
    const returnLogprobs = prepared.given.returnLogprobs === true;
    let sequences: GeneratedText[];
    if (shownIds.length === 0) {
      // Beams: nothing was certain before the end.
      sequences = (done?.results ?? []).map(toText);
      shown = layOut(sequences[0]?.text ?? '', prepared.layout);
      if (shown !== '') yield { at: 'delta', text: shown };
    } else {
      const rest = flow.push(decoding.end()) + flow.end();
      shown += rest;
      if (rest !== '') yield { at: 'delta', text: rest };
      const [best, ...others] = done?.results ?? [];
      // What was shown stays, also where the engine has cut a loop off its result.
      const first = {
        ids: shownIds,
        score: best?.score,
        logprobs: returnLogprobs ? logprobs : [],
        finish: best?.finish ?? 'length',
      };
      sequences = [toText(first), ...others.map(toText)];
    }
    const outputTokens = done?.outputTokens ?? shownIds.length;
    if (done) count(prepared, { ...done, outputTokens });
    else {
      prepared.inputTokens += prepared.input.length;
      prepared.outputTokens += outputTokens;
    }
    yield { at: 'done', summarized: await finish(text, options, prepared, sequences, shown, run) };
  }

  return {
    manifest,
    mode: 'abstractive',
    newCaller: () => generator.newCaller(),
    check({ generation }) {
      if (generation) generator.check(generation, 1);
    },
    async summarize(text, options, run) {
      if (text.trim() === '') return nothing();
      const prepared = await prepare(text, options, run);
      const generation = await generator.generate(prepared.input, prepared.given, run);
      count(prepared, generation);
      const sequences = generation.results.map(toText);
      const summary = layOut(sequences[0]?.text ?? '', prepared.layout);
      return finish(text, options, prepared, sequences, summary, run);
    },
    stream,
    async warmUp(signal) {
      await Promise.all([generator.warmUp(signal), embedder?.warmUp(signal)]);
    },
    stats: () => generator.stats(),
    async close() {
      await Promise.all([generator.close(), embedder?.close()]);
    },
  };
}

/** Source characters up to which differences in white space are looked through; making a book flat would hold up others. */
const FLAT_MAX = 100_000;

/** True where the summary stands in the source as it is. */
function copied(source: string, summary: string): boolean {
  if (source.includes(summary)) return true;
  return source.length <= FLAT_MAX && flat(source).includes(flat(summary));
}

function flat(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}
