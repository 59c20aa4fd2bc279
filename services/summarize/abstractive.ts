/** A model that writes: prompt, parts where the text is long, generation, and a look at what came out. */
import type { Clock } from '../../chassis/clock.js';
import { findSentences, lexicalVectors } from '../../inference/extract/index.js';
import type { Generated, Generation, GenerationParameters, GeneratorModel } from '../../inference/generate/index.js';
import type { EncoderModel, FittedText } from '../../inference/index.js';
import { rpcTurns } from '../../inference/turns.js';
import { slowest, type WorkTimings } from '../answer.js';
import { copied } from './copied.js';
import { embedSentences } from './embedding.js';
import { faithfulnessOf } from './faithfulness.js';
import { createFlow, type Layout, layOut } from './format.js';
import { differs } from './language.js';
import { createLengths } from './length.js';
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
  /** Empty where nothing was written of the parts. */
  input: Int32Array;
  /** True where the input was a token too long after all. */
  cut: boolean;
  /** True where a loop was cut off the summary of a part. */
  looped: boolean;
  given: GenerationParameters;
  layout: Layout;
  sourceTokens: number;
  reduced: Reduced | undefined;
  /** Of the parts; the last generation is added to it. */
  inputTokens: number;
  outputTokens: number;
  timings: WorkTimings;
}

/** What has come of a generation that was followed token by token. */
interface Followed {
  /** The text of all deltas. */
  shown: string;
  ids: number[];
  logprobs: number[];
  /** What the engine made of it; undefined where it was left at the length asked for. */
  done: Generation | undefined;
  startedMs: number;
}

/** Sentences that are compared by their words. */
const LEXICAL_SENTENCES_MAX = 2_000;

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
  const specials = tokenizer.specialTokenCount();
  const { inputMax, lengthOf, ofPart } = createLengths(generator, prefixTokens);

  const prepare = async (text: string, options: SummarizeOptions, run: RunSummarize): Promise<Prepared> => {
    const { signal } = run;
    const startedMs = clock.monotonic();
    const [totalTokens = 0] = await texts.count([prefix + text], true, signal);
    const { layout, given: asked } = await lengthOf(text, totalTokens, options);
    const given: GenerationParameters = { repetitionGuard: true, ...options.generation, ...asked };
    const tokensMax = inputMax(given);
    const prepared: Prepared = {
      input: new Int32Array(0),
      cut: false,
      looped: false,
      given,
      layout,
      sourceTokens: Math.max(0, totalTokens - prefixTokens - specials),
      reduced: undefined,
      inputTokens: 0,
      outputTokens: 0,
      timings: slowest(clock.monotonic() - startedMs, []),
    };
    if (totalTokens > tokensMax || options.focus !== '') {
      prepared.reduced = await reduce(text, options, prepared, tokensMax, run);
      if (prepared.reduced.text === '') return prepared;
    }
    const encodingMs = clock.monotonic();
    const body = prepared.reduced?.text ?? text;
    const { ids, truncated } = await encode(body, options.field, tokensMax, signal);
    prepared.input = ids;
    prepared.cut ||= truncated;
    prepared.timings.tokenizeMs += clock.monotonic() - encodingMs;
    return prepared;
  };

  /** A text that is too long, or of which only a focus is wanted, as one input of the model. */
  const reduce = async (
    text: string,
    { length, focus, combine, language, field }: SummarizeOptions,
    prepared: Prepared,
    tokensMax: number,
    run: RunSummarize,
  ): Promise<Reduced> => {
    const ofParts = ofPart(prepared.given, length, tokensMax);
    const room = tokensMax - prefixTokens;
    const deps: PartsDeps = {
      texts,
      room,
      specials,
      summaryMax: ofParts.maxNewTokens,
      partsMax: settings.partsMax,
      partsTogether: settings.partsTogether,
      sentencesMax: embedder ? settings.sentencesMax : LEXICAL_SENTENCES_MAX,
      locale: language,
      signal: run.signal,
      embed: (sentences) => embed(sentences, field, run),
      async write(part) {
        const { ids, truncated } = await encode(part, field, tokensMax, run.signal);
        prepared.cut ||= truncated;
        const generation = await generator.generate(ids, ofParts, run);
        count(prepared, generation);
        prepared.looped ||= generation.results[0]?.finish === 'repetition';
        return decode(generation.results[0] as Generated);
      },
    };
    if (focus !== '') {
      const half = Math.min(room, Math.max(32, Math.ceil(prepared.sourceTokens / 2)));
      return mostImportant(text, half - specials, focus, deps);
    }
    if (combine === 'map_reduce') return mapReduce(text, deps);
    if (combine === 'refine') return refine(text, deps);
    return mostImportant(text, room - specials, '', deps);
  };

  const embed = async (
    sentences: readonly string[],
    field: string,
    run: RunSummarize,
  ): Promise<readonly ArrayLike<number>[]> =>
    embedder
      ? (await embedSentences(embedder, sentences, { field, run, clock })).vectors
      : lexicalVectors(sentences, rpcTurns);

  const encode = async (text: string, field: string, tokensMax: number, signal: AbortSignal): Promise<FittedText> => {
    // Cut only where joining costs a token more than was counted; a text that is too long never comes here.
    const [fitted] = await texts.fit([{ text: prefix + text }], {
      tokensMax,
      truncate: 'right',
      field: () => field,
      signal,
    });
    return fitted as FittedText;
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
    const { sourceTokens, reduced, cut, looped, inputTokens, outputTokens, timings } = prepared;
    const warnings: Warning[] = [];
    const bare = options.bullets ? summary.replace(/^- /gm, '') : summary;
    const sentencesOf = async (of: string): Promise<string[]> =>
      (await findSentences(of, options.language, rpcTurns, signal)).map((sentence) => sentence.text);
    const own = await sentencesOf(bare);
    if (own.length === 0) warnings.push('EMPTY_OUTPUT');
    else if (await copied(text, own)) warnings.push('COPIED_SOURCE');
    if (looped || sequences[0]?.finish === 'repetition') warnings.push('REPETITION_STOPPED');
    if (reduced?.thinned || cut) warnings.push('SOURCE_THINNED');
    if (reduced?.summariesThinned) warnings.push('SUMMARIES_THINNED');
    if (differs(text, bare)) warnings.push('LANGUAGE_CHANGED');
    const faithfulness = options.faithfulness
      ? await faithfulnessOf(own, await sentencesOf(text), {
          embed: (all) => embed(all, options.field, run),
          sentencesMax: settings.sentencesMax,
          turns: rpcTurns,
        })
      : undefined;
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

  /** Text as it comes, as far as the length asked for goes: leaving ends the generation, as what would come is not shown. */
  async function* follow(prepared: Prepared, run: RunSummarize): AsyncGenerator<SummarizeEvent, Followed, undefined> {
    const flow = createFlow(prepared.layout);
    const decoding = tokenizer.createDecodeStream();
    const followed: Followed = { shown: '', ids: [], logprobs: [], done: undefined, startedMs: clock.monotonic() };
    for await (const event of generator.stream(prepared.input, prepared.given, run)) {
      if (event.at === 'done') {
        followed.done = event;
        continue;
      }
      followed.ids.push(event.id);
      followed.logprobs.push(event.logprob);
      const delta = flow.push(decoding.push(event.id));
      followed.shown += delta;
      if (delta !== '') yield { at: 'delta', text: delta };
      if (flow.full) break;
    }
    // Under beams nothing was certain before the end.
    const rest =
      followed.ids.length === 0
        ? layOut(decode(followed.done?.results[0] ?? { ids: [] }), prepared.layout)
        : flow.push(decoding.end()) + flow.end();
    followed.shown += rest;
    if (rest !== '') yield { at: 'delta', text: rest };
    return followed;
  }

  /** The engine's own account, or where it was left what was seen of it from here. */
  const generationOf = ({ done, ids, logprobs, startedMs }: Followed, { input, given }: Prepared): Generation => {
    if (done) return done;
    const seen = given.returnLogprobs === true ? logprobs : [];
    const score = seen.length > 0 ? seen.reduce((sum, each) => sum + each, 0) : undefined;
    return {
      results: [{ ids, score, logprobs: seen, finish: 'length' }],
      inputTokens: input.length,
      outputTokens: ids.length,
      timings: { queueMs: 0, batchMs: 0, computeMs: clock.monotonic() - startedMs, batchSize: 1 },
    };
  };

  const beamsOf = ({ numBeams }: GenerationParameters): number => numBeams ?? model.defaults.numBeams ?? 1;

  /** The whole at once; what is cut to sentences or words goes no further than that. */
  const written = async (prepared: Prepared, run: RunSummarize): Promise<Generation> => {
    const { layout, given, input } = prepared;
    const results = given.numReturnSequences ?? model.defaults.numReturnSequences ?? 1;
    const bounded = Number.isFinite(layout.sentencesMax) || Number.isFinite(layout.wordsMax);
    if (!bounded || results > 1 || beamsOf(given) > 1) return generator.generate(input, given, run);
    const following = follow(prepared, run);
    for (;;) {
      const step = await following.next();
      if (step.done) return generationOf(step.value, prepared);
    }
  };

  async function* stream(
    text: string,
    options: SummarizeOptions,
    run: RunSummarize,
  ): AsyncGenerator<SummarizeEvent, void, undefined> {
    if (text.trim() === '') return yield { at: 'done', summarized: nothing() };
    const prepared = await prepare(text, options, run);
    if (prepared.input.length === 0) {
      return yield { at: 'done', summarized: await finish(text, options, prepared, [], '', run) };
    }
    const followed = yield* follow(prepared, run);
    const generation = generationOf(followed, prepared);
    count(prepared, generation);
    const sequences = generation.results.map(toText);
    const { ids, logprobs, shown } = followed;
    // What was shown stays, also where the engine has cut a loop off its result.
    if (sequences[0] && ids.length > 0) {
      const kept = prepared.given.returnLogprobs === true ? logprobs : [];
      sequences[0] = toText({ ...sequences[0], ids, logprobs: kept });
    }
    const summarized = await finish(text, options, prepared, sequences, shown, run);
    if (beamsOf(prepared.given) > 1) summarized.warnings.push('NOT_STREAMED');
    yield { at: 'done', summarized };
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
      if (prepared.input.length === 0) return finish(text, options, prepared, [], '', run);
      const generation = await written(prepared, run);
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
