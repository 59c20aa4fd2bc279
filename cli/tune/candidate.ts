/** One way to run a model, and which others are worth trying from there. */
import type { Precision } from '../../models/index.js';

export interface Candidate {
  workers: number;
  /** Of each worker. */
  threads: number;
  batchTokensMax: number;
  windowMax: number;
  precision: Precision;
}

/** One thing about a candidate that can be changed while the rest stays. */
export interface Coordinate {
  name: string;
  /** As it is in this candidate. */
  show(candidate: Candidate): string;
  /** The candidate with every other value of this coordinate. */
  others(candidate: Candidate): Candidate[];
}

const BATCH_TOKENS = [64, 128, 256, 512, 1_024, 2_048];
const WINDOWS = [32, 128, 256, 1_024];

/** What matters most comes first. */
export function coordinates(cores: number, precisions: readonly Precision[]): Coordinate[] {
  const all = [
    coordinate(
      'precision',
      precisions,
      ({ precision }) => precision,
      (candidate, precision) => ({ ...candidate, precision }),
    ),
    coordinate(
      'workers x threads',
      layouts(cores),
      ({ workers, threads }) => `${workers}x${threads}`,
      (candidate, layout) => {
        const [workers, threads] = layout.split('x').map(Number) as [number, number];
        return { ...candidate, workers, threads };
      },
    ),
    coordinate(
      'batch tokens',
      BATCH_TOKENS.map(String),
      ({ batchTokensMax }) => String(batchTokensMax),
      (candidate, tokens) => ({ ...candidate, batchTokensMax: Number(tokens) }),
    ),
    coordinate(
      'window',
      WINDOWS.map(String),
      ({ windowMax }) => String(windowMax),
      (candidate, window) => ({ ...candidate, windowMax: Number(window) }),
    ),
  ];
  return all;
}

function coordinate<T extends string>(
  name: string,
  values: readonly T[],
  show: (candidate: Candidate) => T,
  set: (candidate: Candidate, value: T) => Candidate,
): Coordinate {
  const others = (candidate: Candidate): Candidate[] =>
    values.filter((value) => value !== show(candidate)).map((value) => set(candidate, value));
  return { name, show, others };
}

/**
 * Workers x threads that use all cores ("2x1", "1x2"), and workers of one thread that leave a core to the thread that serves.
 * More threads than cores only make them wait for each other.
 */
export function layouts(cores: number): string[] {
  const found: string[] = [];
  for (let threads = 1; threads <= Math.min(cores, 16); threads *= 2)
    found.push(`${Math.floor(cores / threads)}x${threads}`);
  if (cores > 1) found.push(`${cores - 1}x1`);
  return [...new Set(found)];
}

/** "2x1 256/256 int8": for tables and plots. */
export function labelOf({ workers, threads, batchTokensMax, windowMax, precision }: Candidate): string {
  return `${workers}x${threads} ${batchTokensMax}/${windowMax} ${precision}`;
}
