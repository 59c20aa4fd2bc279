/**
 * A generating model: tokenizer and parameters on this thread, everything else in its worker threads. Token ids in, token ids out;
 * what a prompt or a summary is, the services say.
 */
import { randomInt } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { DEFAULT_TENANT } from '../../chassis/caller.js';
import { type Clock, systemClock } from '../../chassis/clock.js';
import { createDeadline } from '../../chassis/deadline.js';
import { abortReason, MeshError } from '../../chassis/errors.js';
import type { StoredModel } from '../../models/index.js';
import { usableCores } from '../cores.js';
import type { Running } from '../hub.js';
import { openTokenizer } from '../open-tokenizer.js';
import type { RunOptions, RunTimings } from '../scheduler.js';
import { createSeats, type Seat } from '../seats.js';
import type { InferenceSettings } from '../settings.js';
import { createTally } from '../tally.js';
import { createTextReader, type TextReader } from '../texts.js';
import type { Tokenizer } from '../tokenizer/index.js';
import { readGenerationModel } from './config.js';
import { createCrew } from './crew.js';
import type { Generated } from './decoding.js';
import type { EngineEvent, JobTimes } from './engine.js';
import { type GenerationModel, type GenerationParameters, resolveParameters } from './parameters.js';
import type { GeneratorSettings } from './settings.js';

export interface GenerateOptions extends RunOptions {
  /** Inputs of one caller share its turns among those of its tenant that matter as much; absent: a caller of its own. */
  caller?: number;
}

export interface Generation {
  /** numReturnSequences results, best first. */
  results: Generated[];
  inputTokens: number;
  /** Of all results. */
  outputTokens: number;
  timings: RunTimings;
}

export type GenerationEvent =
  /** A token of the first result, certain. There are none under beams. */
  { at: 'token'; id: number; logprob: number } | ({ at: 'done' } & Generation);

export interface GeneratorModel extends Running {
  readonly tokenizer: Tokenizer;
  /** Turns texts into ids without holding up the thread. */
  readonly texts: TextReader;
  readonly model: GenerationModel;
  /** Tokens an input may have. */
  readonly inputTokensMax: number;
  /** "encoder-decoder, merged decoder". */
  readonly description: string;
  /** True where sequences of different age share a step. */
  readonly ragged: boolean;
  /** Tokens that may be generated behind an input of so many. */
  newTokensMax(inputTokens: number): number;
  /** A number for GenerateOptions.caller. */
  newCaller(): number;
  /** Checks parameters against the model, for an input of that many tokens; FIELD_INVALID names `generation.<field>`. */
  check(given: GenerationParameters, inputTokens: number): void;
  /** Rejects with FIELD_INVALID, TEXT_TOO_LONG, QUEUE_FULL, the signal's reason, DEADLINE_EXCEEDED, MODEL_FAILED, WORKER_LOST. */
  generate(input: ArrayLike<number>, given: GenerationParameters, options: GenerateOptions): Promise<Generation>;
  /** The same, token by token. Leaving the loop ends the generation. */
  stream(
    input: ArrayLike<number>,
    given: GenerationParameters,
    options: GenerateOptions,
  ): AsyncGenerator<GenerationEvent, void, undefined>;
}

export interface GeneratorOptions {
  clock?: Clock;
  /** Seeds for sampling without one; tests give their own. */
  randomSeed?: () => number;
  /** The worker script; tests bring one that dies when asked to. */
  script?: URL;
}

/** A text that is being written or waits to be. */
interface JobSeat extends Seat {
  /** Ends it as QUEUE_FULL, for one that matters more. */
  giveWay(): void;
}

const WORKER = new URL('./worker.js', import.meta.url);

/** Opens the model: MODEL_UNSUPPORTED where it cannot be run, with the reason. */
export async function openGenerator(
  stored: StoredModel,
  settings: {
    generator: GeneratorSettings;
    inference: Pick<InferenceSettings, 'hangMs' | 'startMs' | 'longText' | 'tenantsMax' | 'tenantShares'>;
  },
  options: GeneratorOptions = {},
): Promise<GeneratorModel> {
  const { clock = systemClock, randomSeed = () => randomInt(2 ** 32) } = options;
  const { manifest, folder } = stored;
  const { generator } = settings;
  const { tenantsMax, tenantShares } = settings.inference;
  const name = `${manifest.name}@${manifest.version}`;
  const read = await readGenerationModel(stored);
  const tokenizer = await openTokenizer(stored);
  const crew = createCrew({
    name,
    script: options.script ?? WORKER,
    start: {
      folder,
      precision: manifest.precision,
      seq2seq: read.seq2seq,
      startId: read.decoderStartTokenId,
      padId: read.padTokenId,
      threads: generator.threads || Math.max(1, Math.floor(usableCores() / generator.workers)),
      limits: { ...generator, tenantsMax, tenantShares },
    },
    size: generator.workers,
    hangMs: generator.hangMs,
    clock,
  });
  let shape: Awaited<ReturnType<typeof crew.start>>;
  try {
    shape = await crew.start();
  } catch (error) {
    await crew.close();
    throw error;
  }
  const model: GenerationModel = { ...read, vocabSize: shape.vocabSize || read.vocabSize };
  const inputTokensMax = model.seq2seq
    ? manifest.maxTokens
    : Math.min(manifest.maxTokens, model.positionsMax ?? Number.POSITIVE_INFINITY) - 1;
  const texts = createTextReader({ name, tokenizer, folder, settings: settings.inference, clock });
  const counts = { failures: 0, dropped: 0, queueNs: 0, generated: 0 };
  const tally = createTally(tenantsMax);
  /** Everything under way, so that the less critical can give way where that is too much. */
  const seats = createSeats<JobSeat>({
    tenantsMax,
    shares: tenantShares,
    aheadMax: Number.POSITIVE_INFINITY,
    turnWeight: 0,
  });
  let callers = 0;

  const resolve = (given: GenerationParameters, inputTokens: number) =>
    resolveParameters(given, model, inputTokens, generator.tokensMax, randomSeed);

  const full = (): MeshError =>
    new MeshError('QUEUE_FULL', `${name} has ${crew.jobs} texts to write: retry in 1 s`, { retryAfterMs: 1_000 });

  /** Hears a job to its end. `onToken` wants tokens as they come. */
  const run = (
    input: ArrayLike<number>,
    given: GenerationParameters,
    { signal, deadlineMs, caller, tenant = DEFAULT_TENANT, criticality = 'default' }: GenerateOptions,
    onToken: ((token: { id: number; logprob: number }) => void) | undefined,
  ): { result: Promise<Generation>; leave(): void } => {
    const resolved = resolve(given, input.length);
    if (input.length === 0 || input.length > inputTokensMax) {
      const what = input.length === 0 ? 'has no tokens' : `has ${input.length} tokens; ${name} takes ${inputTokensMax}`;
      throw new MeshError(input.length === 0 ? 'FIELD_REQUIRED' : 'TEXT_TOO_LONG', `the input ${what}`);
    }
    if (signal.aborted) throw abortReason(signal);
    const width = Math.max(resolved.numBeams, resolved.numReturnSequences);
    const seat: JobSeat = { tenant, criticality, count: 1, weight: width, giveWay() {} };
    if (crew.jobs >= generator.waitingMax) {
      const leaving = seats.givingWay(seat, { count: 1, weight: 0 });
      if (!leaving) {
        counts.dropped++;
        tally.shed(seat);
        throw full();
      }
      for (const each of leaving) each.giveWay();
    }
    seats.add(seat);
    tally.request(seat, 1, input.length);
    setMaxListeners(0, signal); // the many texts of a request share one signal
    const startedMs = clock.monotonic();
    let leave = (): void => {};
    const result = new Promise<Generation>((resolvePromise, reject) => {
      const deadline = createDeadline(clock, deadlineMs, signal);
      const settle = (finish: () => void): void => {
        seats.remove(seat);
        deadline.dispose();
        finish();
      };
      const hear = (event: EngineEvent | { at: 'lost'; error: MeshError }): void => {
        if (event.at === 'token') {
          onToken?.({ id: event.token, logprob: event.logprob });
          return;
        }
        if (event.at === 'done') {
          const outputTokens = event.results.reduce((sum, each) => sum + each.ids.length, 0);
          counts.generated += outputTokens;
          counts.queueNs += event.times.queueMs * 1e6;
          const timings = timingsOf(event.times, clock.monotonic() - startedMs);
          settle(() => resolvePromise({ results: event.results, inputTokens: input.length, outputTokens, timings }));
          return;
        }
        counts.failures++;
        if (event.at === 'lost') {
          settle(() => reject(event.error));
          return;
        }
        // What onnxruntime says may name files: it goes to the log only.
        const text = event.code === 'MODEL_FAILED' ? `${name} failed over this input` : `generation: ${event.reason}`;
        settle(() => reject(new MeshError(event.code, text, { cause: new Error(event.reason) })));
      };
      const job = {
        caller: caller ?? ++callers,
        tenant,
        criticality,
        input: Int32Array.from(input),
        given: resolved,
        stream: onToken !== undefined,
        width,
      };
      let cancel: () => void;
      try {
        cancel = crew.submit(job, hear);
      } catch (error) {
        settle(() => reject(error));
        return;
      }
      seat.giveWay = () => {
        cancel();
        counts.dropped++;
        tally.shed(seat);
        settle(() => reject(full()));
      };
      leave = () => {
        cancel();
        counts.dropped++;
        settle(() =>
          reject(
            deadline.signal.aborted ? abortReason(deadline.signal) : new MeshError('CANCELLED', 'the reader left'),
          ),
        );
      };
      deadline.signal.addEventListener('abort', () => leave(), { once: true });
    });
    return { result, leave: () => leave() };
  };

  const generate: GeneratorModel['generate'] = async (input, given, runOptions) =>
    run(input, given, runOptions, undefined).result;

  return {
    manifest,
    tokenizer,
    texts,
    model,
    inputTokensMax,
    description: shape.description,
    ragged: shape.ragged,
    newTokensMax: (inputTokens) =>
      Math.min(
        generator.tokensMax,
        (model.positionsMax ?? Number.POSITIVE_INFINITY) - (model.seq2seq ? 1 : inputTokens),
      ),
    newCaller: () => ++callers,
    check: (given, inputTokens) => void resolve(given, inputTokens),
    generate,
    async *stream(input, given, runOptions) {
      const ready: GenerationEvent[] = [];
      let wake = (): void => {};
      let over = false;
      const { result, leave } = run(input, given, runOptions, ({ id, logprob }) => {
        ready.push({ at: 'token', id, logprob });
        wake();
      });
      const finished = result.then(
        (generation) => {
          over = true;
          ready.push({ at: 'done', ...generation });
          wake();
        },
        (error: unknown) => {
          over = true;
          wake();
          throw error;
        },
      );
      finished.catch(() => {}); // awaited below, unless the reader leaves first
      try {
        for (;;) {
          const event = ready.shift();
          if (event) {
            yield event;
            if (event.at === 'done') return;
          } else if (over) await finished;
          else {
            await new Promise<void>((resolvePromise) => {
              wake = resolvePromise;
            });
          }
        }
      } finally {
        if (!over) leave();
      }
    },
    async warmUp(signal) {
      const given = { maxNewTokens: 2, returnLogprobs: true };
      const inputs = [2, Math.max(2, Math.min(inputTokensMax, 64))].map((length) =>
        new Int32Array(length).fill(model.padTokenId),
      );
      await Promise.all(
        inputs.map((input) => generate(input, given, { signal, deadlineMs: Number.POSITIVE_INFINITY })),
      );
    },
    stats() {
      const engines = crew.stats();
      const sum = (pick: (each: (typeof engines)[number]) => number): number =>
        engines.reduce((total, each) => total + pick(each), 0);
      const weightBytes = manifest.files
        .filter(({ path }) => path.endsWith('.onnx'))
        .reduce((total, { bytes }) => total + bytes, 0);
      return {
        ...tally.stats(),
        failures: counts.failures,
        dropped: counts.dropped,
        batches: sum(({ steps }) => steps),
        paddedTokens: sum(({ rowSteps }) => rowSteps),
        tokenizeNs: texts.spentNs,
        queueNs: Math.round(counts.queueNs),
        computeNs: Math.round(sum(({ computeMs }) => computeMs) * 1e6),
        queueLength: sum(({ waiting }) => waiting),
        queueTokens: 0,
        memoryBytes: weightBytes * generator.workers + sum(({ cacheBytes }) => cacheBytes),
        generatedTokens: counts.generated,
      };
    },
    async close() {
      await Promise.all([crew.close(), texts.close()]);
    },
  };
}

/** What is neither queue nor graph: choosing tokens, moving messages, and the turns of others. */
function timingsOf({ queueMs, computeMs, rowsMax }: JobTimes, totalMs: number): RunTimings {
  return { queueMs, computeMs, batchMs: Math.max(0, totalMs - queueMs - computeMs), batchSize: rowsMax };
}
