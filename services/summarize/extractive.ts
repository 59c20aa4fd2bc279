/** A model that chooses sentences of the source, by an embedder's vectors and the manifest's weights. */
import type { Clock } from '../../chassis/clock.js';
import { extract, readWeights } from '../../inference/extract/index.js';
import type { EncoderModel, RunOptions } from '../../inference/index.js';
import { rpcTurns } from '../../inference/turns.js';
import type { Manifest } from '../../models/index.js';
import { slowest, type WorkTimings } from '../answer.js';
import { embedSentences } from './embedding.js';
import { faithfulnessOf } from './faithfulness.js';
import { formatSentences } from './format.js';
import type { Summarized, SummarizeModel, SummarizeOptions, Warning } from './model.js';
import type { SummarizeSettings } from './settings.js';

const SENTENCES_DEFAULT = 3;

export function createExtractive(
  manifest: Manifest,
  encoder: EncoderModel,
  settings: Pick<SummarizeSettings, 'sentencesMax'>,
  clock: Clock,
): SummarizeModel {
  const weights = readWeights(manifest);
  const own = manifest.summarize?.maxSentences ?? SENTENCES_DEFAULT;

  const summarize = async (text: string, options: SummarizeOptions, run: RunOptions): Promise<Summarized> => {
    const { signal } = run;
    let timings: WorkTimings = slowest(0, []);
    let inputTokens = 0;
    let tokenizeMs = 0;
    let cutTokens = 0;
    const countTokens = async (texts: readonly string[]): Promise<number[]> => {
      const startedMs = clock.monotonic();
      const counts = await encoder.texts.count(texts, false, signal);
      tokenizeMs += clock.monotonic() - startedMs;
      return counts;
    };
    const embed = async (texts: readonly string[]): Promise<Float32Array[]> => {
      const made = await embedSentences(encoder, texts, { field: options.field, run, clock });
      inputTokens += made.inputTokens;
      cutTokens += made.cutTokens;
      tokenizeMs += made.timings.tokenizeMs;
      timings = slowest(0, [{ timings }, made]);
      return made.vectors;
    };
    const { sentences, found, compared } = await extract(
      text,
      { length: options.length ?? { sentences: own }, focus: options.focus, locale: options.language, signal },
      { weights, embedSentences: embed, countTokens, turns: rpcTurns, sentencesMax: settings.sentencesMax },
    );
    const thinned = compared.length < found || cutTokens > 0;
    const [sourceTokens = 0] = await countTokens([text]);
    const comparedTokens = thinned
      ? (await countTokens(compared.map((each) => each.text))).reduce((sum, each) => sum + each, 0)
      : sourceTokens;
    const readTokens = Math.max(0, comparedTokens - cutTokens);
    const warnings: Warning[] = [
      ...(sentences.length === 0 ? ['EMPTY_OUTPUT' as const] : []),
      ...(thinned ? ['SOURCE_THINNED' as const] : []),
    ];
    const chosen = sentences.map((each) => each.text);
    return {
      text: formatSentences(chosen, options.bullets),
      spans: sentences.map(({ text: _text, ...span }) => span),
      coverage: { sourceTokens, readTokens, parts: 1 },
      finish: undefined,
      sequences: [],
      faithfulness: options.faithfulness
        ? await faithfulnessOf(
            chosen,
            compared.map((each) => each.text),
            { embed, sentencesMax: settings.sentencesMax, turns: rpcTurns },
          )
        : undefined,
      warnings,
      inputTokens,
      outputTokens: 0,
      timings: { ...timings, tokenizeMs },
    };
  };

  return {
    manifest,
    mode: 'extractive',
    newCaller: () => 0,
    check: () => {},
    summarize,
    async *stream(text, options, run) {
      const summarized = await summarize(text, options, run);
      // The choice is made as a whole; then its sentences go out one by one, in the order of the source.
      let shown = 0;
      for (let count = 1; count <= summarized.spans.length; count++) {
        const texts = summarized.spans
          .slice(0, count)
          .map(({ utf16Start, utf16End }) => text.slice(utf16Start, utf16End));
        const soFar = formatSentences(texts, options.bullets);
        yield { at: 'delta', text: soFar.slice(shown) };
        shown = soFar.length;
      }
      yield { at: 'done', summarized };
    },
    warmUp: (signal) => encoder.warmUp(signal),
    stats: () => encoder.stats(),
    close: () => encoder.close(),
  };
}
