/** Vectors of sentences from an embedder, in amounts that leave room for others in its queue. */
import type { Clock } from '../../chassis/clock.js';
import type { EncoderModel, RunOptions } from '../../inference/index.js';
import { slowest, type WorkTimings } from '../answer.js';

/** Texts that enter the embedder's queue together: a book does not fill it. */
const TOGETHER = 256;

export interface Embedded {
  vectors: Float32Array[];
  inputTokens: number;
  /** Tokens of texts that are longer than the embedder takes and were not read. */
  cutTokens: number;
  timings: WorkTimings;
}

/** Unit vectors, one a text; what is longer than the embedder takes is cut, as a sentence of that length is none, and counted. */
export async function embedSentences(
  encoder: EncoderModel,
  texts: readonly string[],
  { field, run, clock }: { field: string; run: RunOptions; clock: Clock },
): Promise<Embedded> {
  const pooling = encoder.manifest.embed?.pooling ?? 'mean';
  const made: Embedded = { vectors: [], inputTokens: 0, cutTokens: 0, timings: slowest(0, []) };
  let tokenizeMs = 0;
  for (let from = 0; from < texts.length; from += TOGETHER) {
    const startedMs = clock.monotonic();
    const some = texts.slice(from, from + TOGETHER);
    const fitted = await encoder.texts.fit(
      some.map((text) => ({ text })),
      { tokensMax: encoder.manifest.maxTokens, truncate: 'right', field: () => field, signal: run.signal },
    );
    const cut = [...fitted.keys()].filter((index) => fitted[index]?.truncated);
    const counts = await encoder.texts.count(
      cut.map((index) => some[index] as string),
      true,
      run.signal,
    );
    for (const [at, index] of cut.entries())
      made.cutTokens += (counts[at] as number) - (fitted[index]?.ids.length ?? 0);
    tokenizeMs += clock.monotonic() - startedMs;
    for (const { ids } of fitted) made.inputTokens += ids.length;
    const outputs = await encoder.runAll(fitted, { kind: 'pool', pooling, normalize: true }, run);
    made.timings = slowest(0, [{ timings: made.timings }, ...outputs]);
    // Copied: an output is a view of its whole batch.
    for (const { output } of outputs) made.vectors.push(output.slice());
  }
  made.timings = { ...made.timings, tokenizeMs };
  return made;
}
