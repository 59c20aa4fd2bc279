/**
 * `plexus tune <model>`: how this model is best run on this machine for this traffic. Searches workers, threads, token budget, window
 * and precision for the most requests a second whose p99 stays within a target, compares the winner with what is there in turns,
 * prints what it saw, and writes the winner into the file that services read.
 */
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import type { Command } from 'commander';
import { type Clock, systemClock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { readSettings } from '../../chassis/settings.js';
import {
  type InferenceSettings,
  inferenceSettings,
  placed,
  type TunedModel,
  tunedSettings,
  usableCores,
  writeTuning,
} from '../../inference/index.js';
import {
  type Manifest,
  modelFolders,
  modelSettings,
  type Precision,
  parseReference,
  precisionsOf,
  type StoredModel,
  weightFile,
} from '../../models/index.js';
import { packageRoot } from '../../protos/index.js';
import type { Io } from '../io.js';
import { idOf, openCache, openRepository } from '../models/place.js';
import { SAMPLE_TEXTS } from '../models/sample-texts.js';
import { svgPlot } from '../plot.js';
import { type Candidate, coordinates, labelOf } from './candidate.js';
import { createEvaluator } from './evaluate.js';
import { readFlags, type TuneFlags, type TuneOptions } from './flags.js';
import type { Measured } from './frontier.js';
import { busyNote, plotOf, printReport, type Ranked, type Report } from './report.js';
import { type Race, roundSeconds, search } from './search.js';
import { readTraffic, syntheticTraffic, type Traffic, textsPerRequest } from './traffic.js';

export interface TuneDeps {
  clock: Clock;
  /** Tests bring one whose optimum is known. */
  createEvaluator: typeof createEvaluator;
}

export function registerTune(program: Command, io: Io, deps: TuneDeps = { clock: systemClock, createEvaluator }): void {
  program
    .command('tune')
    .description('find how a model is best run on this machine, and write it where services read it')
    .argument('<model>', 'name or name@version')
    .option('--latency-p99 <time>', 'of a request, queueing included: "50ms", "0.2s"', '50ms')
    .option('--traffic <file>', 'requests to tune for, one JSON object a line (PLEXUS_RECORD writes such a file)')
    .option('--texts <n>', 'without --traffic: texts of a request', '1')
    .option('--length-median <tokens>', 'without --traffic: half of the texts are shorter', '24')
    .option('--length-p95 <tokens>', 'without --traffic: one text in twenty is longer', '80')
    .option('--seed <n>', 'of the synthetic traffic and of the times at which requests come', '1')
    .option('--minutes <n>', 'time for all of it', '5')
    .option(
      '--precision <list>',
      'weights to choose from: "all", or some of int8,fp32,fp16,q4 (default: those it has now)',
    )
    .option('--plot <file.svg>', 'write the plot there as well')
    .option('--json', 'print everything that was measured as JSON')
    .option('--dry-run', 'measure and print, but write nothing')
    .action((reference: string, flags: TuneFlags) => tune(reference, flags, io, deps));
}

async function tune(reference: string, flags: TuneFlags, io: Io, deps: TuneDeps): Promise<void> {
  const { clock } = deps;
  const startedMs = clock.monotonic();
  const options = readFlags(flags);
  const model = await openRepository(io).find(parseReference(reference));
  const id = idOf(model);
  requireEncoder(model.manifest);
  const traffic =
    flags.traffic === undefined ? syntheticTraffic(options.synthetic) : await readTraffic(flags.traffic, id);
  const settings = placed(readSettings(inferenceSettings, io.env), openCache(io));
  const file = settings.tuningFile;
  if (file === '' && !flags.dryRun) {
    throw new MeshError('USAGE', 'PLEXUS_TUNING is off: there is no file to write to; name one, or give --dry-run');
  }
  const precisions = precisionsFor(model.manifest, options);
  const now = await candidateNow(model.manifest, settings, precisions);

  const say = (text: string): void => void io.stderr.write(`${text}\n`);
  say(`${id} on ${usableCores()} cores, p99 within ${options.p99TargetMs} ms; ${traffic.description}`);
  const busy = busyNote(loadavg()[0] ?? 0, usableCores());
  if (busy !== undefined) say(busy);
  const job = {
    folders: modelFolders(readSettings(modelSettings, io.env), packageRoot, io.env),
    model: id,
    settings,
    traffic,
    seed: options.seed,
  };
  const evaluator = deps.createEvaluator(job, io.env as NodeJS.ProcessEnv);
  const { p99TargetMs } = options;
  const seen: Measured[] = [];
  const ranked = new Map<string, Ranked>();

  async function evaluate(candidate: Candidate, seconds: number): Promise<number> {
    const { sustained, capacityPerSecond, rssBytes } = await evaluator.sustained(candidate, seconds, p99TargetMs);
    seen.push(...sustained.steps.map((step) => ({ candidate, step })));
    const { requestsPerSecond, p99Ms } = sustained;
    ranked.set(labelOf(candidate), { candidate, requestsPerSecond, p99Ms, capacityPerSecond, rssBytes, seconds });
    return requestsPerSecond;
  }

  // What is there now comes first: where it cannot be measured, nothing can; and it tells what starting a process costs.
  const firstMs = clock.monotonic();
  await evaluate(now, FIRST_SECONDS);
  const overheadMs = clock.monotonic() - firstMs - FIRST_SECONDS * 1_000;
  // Kept for the end: the comparison in turns (six starts at most) and the load curve, both as short as they may be at least.
  const endMs = Math.max(options.limitMs * END_SHARE, (TURNS_MAX + 1) * overheadMs + (TURNS_MAX + CURVE.length) * 500);
  const untilMs = startedMs + options.limitMs - endMs;
  const axes = coordinates(usableCores(), precisions);
  const found = await search({
    start: now,
    axes,
    evaluate: (candidate, seconds) => evaluateOrZero(() => evaluate(candidate, seconds), candidate, say),
    seconds: roundSeconds(now, axes, untilMs - clock.monotonic(), overheadMs),
    clock,
    untilMs,
    onRace: (race) => say(raceLine(race)),
  });

  // The last word: both in turns and for longer, so that a lucky second decides nothing.
  const leftMs = startedMs + options.limitMs - clock.monotonic();
  const changed = labelOf(found.best) !== labelOf(now);
  const turns = changed ? [now, found.best, found.best, now, now, found.best] : [now, now, now];
  const duelSeconds = Math.max(0.5, Math.min(20, ((leftMs * DUEL_SHARE) / turns.length - overheadMs) / 1_000));
  const duel = new Map<string, Ranked[]>();
  for (const candidate of turns) {
    const label = labelOf(candidate);
    await evaluate(candidate, duelSeconds);
    duel.set(label, [...(duel.get(label) ?? []), ranked.get(label) as Ranked]);
  }
  const [before, best] = [now, found.best].map((candidate) => middle(duel.get(labelOf(candidate)) ?? [])) as [
    Ranked,
    Ranked,
  ];
  for (const each of [before, best]) ranked.set(labelOf(each.candidate), each);
  const chosen = best.requestsPerSecond > before.requestsPerSecond * (1 + GAIN_MIN) ? best : before;
  const reaches = chosen.requestsPerSecond > 0;

  const curveSeconds = Math.max(0.5, Math.min(10, (leftMs * (1 - DUEL_SHARE)) / CURVE.length / 1_000));
  const rates = CURVE.map((share) => share * chosen.capacityPerSecond);
  const curve = await evaluator.curve(chosen.candidate, rates, curveSeconds);
  seen.push(...curve.steps.map((step) => ({ candidate: chosen.candidate, step })));

  const other = chosen.candidate.precision !== model.manifest.precision;
  const report: Report = {
    model: id,
    cores: usableCores(),
    p99TargetMs,
    traffic: traffic.description,
    textsPerRequest: textsPerRequest(traffic),
    evaluations: found.evaluations,
    unfinished: found.unfinished,
    busy,
    before,
    chosen,
    ranked: [...ranked.values()],
    seen,
    curve: CURVE.map((share, index) => ({ share, ...(curve.steps[index] as (typeof curve.steps)[number]) })),
    drift: other ? await driftTo(model, chosen.candidate.precision) : undefined,
    otherPrecisions: precisionsIn(model.manifest).filter((each) => !precisions.includes(each)),
    written: reaches && !flags.dryRun ? file : undefined,
  };
  if (report.written !== undefined) await writeTuning(file, id, entryOf(report, traffic, model.manifest));
  if (flags.plot !== undefined) await writePlot(flags.plot, svgPlot(plotOf(report)));
  if (flags.json) io.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else io.stdout.write(`${printReport(report)}\n`);
  if (!reaches) {
    throw new Error(
      `no way to run ${id} here keeps p99 within ${p99TargetMs} ms for this traffic; the lowest seen is ${chosen.p99Ms.toFixed(1)} ms: nothing was written`,
    );
  }
}

/** Of the time: for the comparison at the end and the load curve. */
const END_SHARE = 0.3;
/** Of that: for the comparison. */
const DUEL_SHARE = 0.65;
const TURNS_MAX = 6;
const FIRST_SECONDS = 1;
/** What is there is replaced by what is better by more than this. */
const GAIN_MIN = 0.03;
/** Shares of what the model can do at all. */
const CURVE = [0.2, 0.4, 0.6, 0.8, 1, 1.2];

function requireEncoder({ name, version, task, architecture, summarize }: Manifest): void {
  if (task === 'embed' || task === 'classify') return;
  const embedder = summarize?.embedder ? `; tune its embedder, ${summarize.embedder}` : '';
  throw new MeshError(
    'USAGE',
    `tune takes models that embed or classify; ${name}@${version} (${architecture}) is for ${task}${embedder}`,
  );
}

/** Of which the folder has weights of their own, the manifest's first. */
function precisionsIn(manifest: Manifest): Precision[] {
  const own = weightFile(manifest, 'model');
  const paths = manifest.files.map(({ path }) => path);
  const others = precisionsOf(paths).filter(
    (precision) => precision !== manifest.precision && weightFile({ ...manifest, precision }, 'model') !== own,
  );
  return [manifest.precision, ...others];
}

function precisionsFor(manifest: Manifest, { precisions }: TuneOptions): Precision[] {
  const there = precisionsIn(manifest);
  if (precisions === undefined) return [manifest.precision];
  if (precisions === 'all') return there;
  const missing = precisions.find((each) => !there.includes(each));
  if (missing === undefined) return precisions;
  throw new MeshError(
    'USAGE',
    `--precision: ${manifest.name}@${manifest.version} has no ${missing} weights; it has ${there.join(', ')}`,
  );
}

/** As a service on this machine would run it today. */
async function candidateNow(
  manifest: Manifest,
  settings: InferenceSettings,
  precisions: readonly Precision[],
): Promise<Candidate> {
  const tuned = await tunedSettings(settings, `${manifest.name}@${manifest.version}`);
  const { workers, threads, batchTokensMax, windowMax } = tuned.settings;
  const precision = [tuned.precision, manifest.precision, ...precisions].find(
    (each) => each && precisions.includes(each),
  );
  return {
    workers: workers || usableCores(),
    threads: threads || 1,
    batchTokensMax,
    windowMax,
    precision: precision as Precision,
  };
}

/** A candidate that cannot run (too much memory, weights that onnxruntime refuses) is no winner, and no reason to end. */
async function evaluateOrZero(
  run: () => Promise<number>,
  candidate: Candidate,
  say: (text: string) => void,
): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    say(`  ${labelOf(candidate)}: ${error.message}`);
    return 0;
  }
}

function raceLine({ axis, scores, winner, cut }: Race): string {
  const shown = scores.map(({ value, score }) => `${value} ${score === undefined ? '-' : score.toFixed(0)}`);
  return `  ${axis}: ${shown.join(', ')} requests/s -> ${winner}${cut ? ' (time is over)' : ''}`;
}

/** The one with the median of the rates. */
function middle(measured: readonly Ranked[]): Ranked {
  const rising = measured.toSorted((a, b) => a.requestsPerSecond - b.requestsPerSecond);
  return rising[rising.length >> 1] as Ranked;
}

async function driftTo(model: StoredModel, precision: Precision): Promise<Report['drift']> {
  const { measurePair } = await import('../models/measure.js');
  const other = { ...model, manifest: { ...model.manifest, precision } };
  const drift = (await measurePair(model, other, SAMPLE_TEXTS))?.drift;
  return drift && { from: model.manifest.precision, to: precision, ...drift };
}

function entryOf({ chosen, cores, p99TargetMs }: Report, traffic: Traffic, manifest: Manifest): TunedModel {
  const { workers, threads, batchTokensMax, windowMax, precision } = chosen.candidate;
  return {
    workers,
    threads,
    batchTokensMax,
    windowMax,
    ...(precision !== manifest.precision && { precision: precision as Exclude<Precision, 'none'> }),
    measured: {
      at: new Date().toISOString(),
      cores,
      p99TargetMs,
      requestsPerSecond: Math.round(chosen.requestsPerSecond * 10) / 10,
      p99Ms: Math.round(chosen.p99Ms * 10) / 10,
      traffic: traffic.description,
    },
  };
}

async function writePlot(path: string, svg: string): Promise<void> {
  await writeFile(path, svg).catch((error: NodeJS.ErrnoException) => {
    throw new MeshError('USAGE', `--plot: ${path} cannot be written (${error.code})`);
  });
}
