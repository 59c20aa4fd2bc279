/**
 * Texts to tokens without holding up the thread that serves RPC: short texts in turns of a few milliseconds, over all callers; a
 * long one, which cannot be sliced (what a tokenizer does to a text's middle may depend on its beginning), in a thread of its own.
 */
import type { Clock } from '../chassis/clock.js';
import { abortReason, fieldError, MeshError } from '../chassis/errors.js';
import type { PackedEncoding } from './packed-encoding.js';
import { createPool, type Pool } from './pool.js';
import type { InferenceSettings } from './settings.js';
import { performTextJob, sizeOf, type TextAnswers, type TextJob, type TextRefused } from './text-job.js';
import type { Chunk, ChunkOptions, EncodeOptions, Tokenizer } from './tokenizer/index.js';
import { rpcTurns, type Turns } from './turns.js';

export type Truncate = 'right' | 'left' | 'refuse';

export interface FitOptions {
  /** Tokens a text may have, special tokens included. */
  tokensMax: number;
  truncate: Truncate;
  /** Of a pair that is too long only the first text is cut. Default: whichever is longer. */
  cutFirstOnly?: boolean;
  /** Names a text in errors: 3 -> "texts[3]". */
  field: (index: number) => string;
  signal: AbortSignal;
}

/** A text as a model reads it. */
export interface FittedText {
  ids: Int32Array;
  /** Absent where the text stands alone: all 0. */
  typeIds?: Uint8Array;
  /** True where it was cut. */
  truncated: boolean;
}

/** One text, or two that are read together. */
export interface TextInput {
  text: string;
  pair?: string;
}

/** A text as a model reads it, with the place of each token in it. */
export interface PlacedText {
  encoding: PackedEncoding;
  /** True where it was cut. */
  truncated: boolean;
}

export interface PlaceOptions extends FitOptions {
  /** Given: a text that is too long is not cut but read in overlapping pieces, each repeating so many tokens of the last. */
  stride?: number;
}

export interface TextReader {
  /** Ids for a model, one a text. TEXT_TOO_LONG names the text where cutting is refused. */
  fit(texts: readonly TextInput[], options: FitOptions): Promise<FittedText[]>;
  /** The same with all that a tokenizer knows, for answers that point into the text. Pieces beyond the first are `overflowing`. */
  place(texts: readonly TextInput[], options: PlaceOptions): Promise<PlacedText[]>;
  /** Everything a tokenizer knows of each text. FIELD_INVALID names `truncation` where it cannot be done to a text. */
  encode(texts: readonly TextInput[], options: Partial<EncodeOptions>, signal: AbortSignal): Promise<PackedEncoding[]>;
  count(texts: readonly string[], addSpecialTokens: boolean, signal: AbortSignal): Promise<number[]>;
  decode(sequences: readonly ArrayLike<number>[], skipSpecialTokens: boolean, signal: AbortSignal): Promise<string[]>;
  /** Pieces of a long text that a model can take, at sentence borders where possible. */
  chunk(text: string, options: ChunkOptions, signal: AbortSignal): Promise<Chunk[]>;
  /** Nanoseconds spent in the tokenizer, other thread included. */
  readonly spentNs: number;
  close(): Promise<void>;
}

export interface TextReaderOptions {
  /** "minilm-l3-en@1". */
  name: string;
  tokenizer: Tokenizer;
  /** Where the other thread loads the same tokenizer from. */
  folder: string;
  settings: Pick<InferenceSettings, 'hangMs' | 'startMs' | 'longText'>;
  clock: Clock;
  turns?: Turns;
  /** UTF-16 code units that may wait for the other thread or be in it; one text is taken whatever its size. Default 2^25. */
  lineUnitsMax?: number;
}

type TextAnswer = TextAnswers[TextJob['kind']] | TextRefused;

/** Who waits for the thread. */
interface Waiting {
  wake(): void;
  fail(error: unknown): void;
}

/** As much as the largest message holds: 64 MiB. */
const LINE_UNITS_MAX = 2 ** 25;
/** What a caller is told to wait when the thread has read nothing yet. */
const RETRY_LINE_MS = 1_000;

const WORKER = new URL('./text-worker.js', import.meta.url);

export function createTextReader(options: TextReaderOptions): TextReader {
  const { name, tokenizer, settings, clock, turns = rpcTurns, lineUnitsMax = LINE_UNITS_MAX } = options;
  let spentMs = 0;
  let closed = false;
  /** The other thread: started by the first long text. */
  let beside: Pool<TextJob, TextAnswer, true> | undefined;
  const line: Waiting[] = [];
  let lineUnits = 0;
  /** Units the thread has read, for how long the line takes. */
  let readUnits = 0;
  let readMs = 0;

  /** Who stands in line when the thread cannot be started hears why; who comes later waits for the next try of the pool. */
  function startBeside(): Pool<TextJob, TextAnswer, true> {
    const pool = createPool<TextJob, TextAnswer, true>({
      name: `${name} tokenizer`,
      script: WORKER,
      start: { folder: options.folder },
      size: 1,
      hangMs: settings.hangMs,
      startMs: settings.startMs,
      clock,
      onUp: wakeNext,
    });
    pool.start().catch((error) => {
      for (const waiting of line.splice(0)) waiting.fail(error);
    });
    return pool;
  }

  function wakeNext(): void {
    line.shift()?.wake();
  }

  /** Waits for the thread; who has given up meanwhile leaves the line. */
  async function performBeside(job: TextJob, signal: AbortSignal): Promise<TextAnswer> {
    const units = sizeOf(job);
    if (lineUnits > 0 && lineUnits + units > lineUnitsMax) throw lineFull();
    beside ??= startBeside();
    lineUnits += units;
    try {
      while (beside.idle === 0 && !closed) {
        if (beside.failing) {
          wakeNext(); // who stands behind hears it too
          throw new MeshError('MODEL_FAILED', `${name}: the thread for long texts goes on dying`);
        }
        await turn(signal);
      }
      if (closed) throw new MeshError('SHUTTING_DOWN', `${name} is being unloaded`, { retryAfterMs: 100 });
      const startedMs = clock.monotonic();
      const verdict = await beside.run(job, []);
      const ms = clock.monotonic() - startedMs;
      spentMs += ms;
      readMs += ms;
      readUnits += units;
      wakeNext();
      if (verdict.at === 'done') return verdict.body;
      if (verdict.at === 'failed') throw new Error(verdict.reason);
      throw new MeshError('WORKER_LOST', `${name}: the thread that read a long text ${verdict.reason}`);
    } finally {
      lineUnits -= units;
    }
  }

  function lineFull(): MeshError {
    const retryAfterMs = readUnits === 0 ? RETRY_LINE_MS : Math.ceil((lineUnits / readUnits) * readMs);
    const text = `${name}: texts of ${lineUnits} UTF-16 code units wait for its thread for long ones; it takes ${lineUnitsMax}: retry`;
    return new MeshError('QUEUE_FULL', text, { retryAfterMs, facts: { model: name } });
  }

  /** Resolves when this one is next in line for the thread; rejects, and leaves the line, when the signal aborts. */
  function turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const place = line.indexOf(next);
        if (place >= 0) line.splice(place, 1);
        reject(abortReason(signal));
      };
      const next: Waiting = {
        wake() {
          signal.removeEventListener('abort', leave);
          resolve();
        },
        fail(error) {
          signal.removeEventListener('abort', leave);
          reject(error);
        },
      };
      if (signal.aborted) return reject(abortReason(signal));
      line.push(next);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  async function perform<K extends TextJob['kind']>(
    jobs: readonly Extract<TextJob, { kind: K }>[],
    signal: AbortSignal,
  ): Promise<TextAnswers[K][]> {
    const answers: TextAnswers[K][] = new Array(jobs.length);
    const long: Promise<unknown>[] = [];
    for (let index = 0; index < jobs.length; index++) {
      const job = jobs[index] as Extract<TextJob, { kind: K }>;
      if (sizeOf(job) > settings.longText) {
        const done = performBeside(job, signal).then((answer) => {
          answers[index] = accepted(answer as TextAnswers[K] | TextRefused);
        });
        done.catch(() => {}); // awaited below, unless a short text throws before that
        long.push(done);
        continue;
      }
      const turn = turns.take(jobs.length - index);
      if (turn) {
        await turn;
        if (signal.aborted) break;
      }
      const startedMs = clock.monotonic();
      answers[index] = accepted(performTextJob(tokenizer, job));
      const ms = clock.monotonic() - startedMs;
      spentMs += ms;
      turns.spent(ms);
    }
    await Promise.all(long);
    if (signal.aborted) throw abortReason(signal);
    return answers;
  }

  const tooLong = (field: string, tokens: number, tokensMax: number): MeshError => {
    const text = `has ${tokens} tokens; ${name} takes ${tokensMax}: shorten it, split it (Tokenize.Chunk), or allow truncation`;
    return fieldError('TEXT_TOO_LONG', field, text, { limit: String(tokensMax) });
  };

  return {
    async fit(texts, { tokensMax, truncate, cutFirstOnly = false, field, signal }) {
      const jobs = texts.map((input) => ({ ...input, kind: 'fit' as const, tokensMax, truncate, cutFirstOnly }));
      const answers = await perform<'fit'>(jobs, signal);
      return answers.map((answer, index) => {
        if ('tooLong' in answer) throw tooLong(field(index), answer.tooLong, tokensMax);
        return answer;
      });
    },
    async place(texts, { tokensMax, truncate, field, signal, stride }) {
      const cut = { maxTokens: tokensMax, truncationSide: truncate === 'left' ? 'left' : 'right' } as const;
      const whole = truncate === 'refuse' && stride === undefined;
      const options = whole ? {} : { ...cut, stride: stride ?? 0 };
      const jobs = texts.map((input) => ({ ...input, kind: 'encode' as const, options }));
      return (await perform<'encode'>(jobs, signal)).map((encoding, index) => {
        if (encoding.ids.length > tokensMax) throw tooLong(field(index), encoding.ids.length, tokensMax);
        return { encoding, truncated: stride === undefined && encoding.overflowing.length > 0 };
      });
    },
    encode: (texts, encodeOptions, signal) =>
      perform<'encode'>(
        texts.map((input) => ({ kind: 'encode' as const, ...input, options: encodeOptions })),
        signal,
      ),
    count: (texts, addSpecialTokens, signal) =>
      perform<'count'>(
        texts.map((text) => ({ kind: 'count' as const, text, addSpecialTokens })),
        signal,
      ),
    decode: (sequences, skipSpecialTokens, signal) =>
      perform<'decode'>(
        sequences.map((ids) => ({ kind: 'decode' as const, ids, skipSpecialTokens })),
        signal,
      ),
    async chunk(text, chunkOptions, signal) {
      const [chunks] = await perform<'chunk'>([{ kind: 'chunk', text, options: chunkOptions }], signal);
      return chunks as Chunk[];
    },
    get spentNs() {
      return Math.round(spentMs * 1e6);
    },
    async close() {
      closed = true;
      for (const waiting of line.splice(0)) waiting.wake();
      await beside?.close();
    },
  };
}

/** Only what truncation is asked to do can be impossible for a text; everything else was checked before. */
function accepted<T>(answer: T | TextRefused): T {
  if (typeof answer === 'object' && answer !== null && 'refused' in answer) {
    throw fieldError('FIELD_INVALID', 'truncation', answer.refused);
  }
  return answer as T;
}
