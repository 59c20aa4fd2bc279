/** What `plexus tune` was asked for, checked: every mistake is a USAGE error that names the flag. */
import { MeshError } from '../../chassis/errors.js';
import type { Precision } from '../../models/index.js';
import type { SyntheticOptions } from './traffic.js';

export interface TuneFlags {
  traffic?: string;
  texts: string;
  lengthMedian: string;
  lengthP95: string;
  seed: string;
  latencyP99: string;
  minutes: string;
  precision?: string;
  plot?: string;
  json?: boolean;
  dryRun?: boolean;
}

export interface TuneOptions {
  p99TargetMs: number;
  limitMs: number;
  seed: number;
  /** Undefined: the model's own. */
  precisions: Exclude<Precision, 'none'>[] | 'all' | undefined;
  synthetic: SyntheticOptions;
}

const PRECISIONS = ['int8', 'fp32', 'fp16', 'q4'] as const;

export function readFlags(flags: TuneFlags): TuneOptions {
  const seed = readNumber('--seed', flags.seed, 0, 2 ** 32 - 1, true);
  const lengthMedian = readNumber('--length-median', flags.lengthMedian, 1, 100_000);
  const lengthP95 = readNumber('--length-p95', flags.lengthP95, 1, 100_000);
  if (lengthP95 < lengthMedian) {
    throw new MeshError('USAGE', `--length-p95 (${lengthP95}) must not be below --length-median (${lengthMedian})`);
  }
  return {
    p99TargetMs: readDuration('--latency-p99', flags.latencyP99),
    limitMs: readNumber('--minutes', flags.minutes, 0.05, 600) * 60_000,
    seed,
    precisions: readPrecisions(flags.precision),
    synthetic: {
      textsPerRequest: readNumber('--texts', flags.texts, 1, 1_024, true),
      lengthMedian,
      lengthP95,
      seed,
    },
  };
}

function readNumber(flag: string, text: string, min: number, max: number, whole = false): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new MeshError('USAGE', `${flag} takes a ${whole ? 'whole ' : ''}number from ${min} to ${max}, not ${text}`);
  }
  return value;
}

/** "50ms", "0.05s" or "50", in ms. */
function readDuration(flag: string, text: string): number {
  const [, digits = '', unit = 'ms'] = /^(\d+(?:\.\d+)?)\s*(ms|s)?$/.exec(text) ?? [];
  const ms = Number(digits) * (unit === 's' ? 1_000 : 1);
  if (digits === '' || ms < 1 || ms > 600_000) {
    throw new MeshError('USAGE', `${flag} takes a time from 1ms to 600s ("50ms", "0.2s"), not ${text}`);
  }
  return ms;
}

function readPrecisions(text: string | undefined): TuneOptions['precisions'] {
  if (text === undefined || text === 'all') return text;
  const given = text.split(',').map((each) => each.trim());
  const wrong = given.find((each) => !PRECISIONS.some((known) => known === each));
  if (wrong !== undefined) {
    throw new MeshError(
      'USAGE',
      `--precision takes "all" or some of ${PRECISIONS.join(',')}, not ${JSON.stringify(wrong)}`,
    );
  }
  return [...new Set(given)] as Exclude<Precision, 'none'>[];
}
