/**
 * What a pull looks like: on a terminal one line with a bar, the rate of the last seconds and the time that remains; elsewhere a
 * plain line for every file, so that a log stays readable.
 */
import { type Clock, systemClock } from '../../chassis/clock.js';
import type { OnPullEvent, PullEvent } from '../../models/index.js';
import type { Io } from '../io.js';
import { formatBytes, formatDuration } from './format.js';

const REDRAW_MS = 100;
/** Seconds that the rate is taken over: long enough to be calm, short enough to follow the line. */
const RATE_WINDOW_MS = 5_000;
const BAR_WIDTH = 24;

export interface PullProgress {
  onEvent: OnPullEvent;
  /** Takes the bar away. */
  end(): void;
}

export function createPullProgress(io: Io, clock: Clock = systemClock): PullProgress {
  return io.isTTY ? createBar(io, clock) : { onEvent: (event) => writeLine(io, event), end: () => {} };
}

function writeLine(io: Io, event: PullEvent): void {
  const line = describe(event);
  if (line !== undefined) io.stderr.write(`${line}\n`);
}

const ORIGINS = { network: '', resumed: ' (resumed)', staged: ' (was here)', cache: ' (copied)' } as const;

function describe(event: PullEvent): string | undefined {
  switch (event.at) {
    case 'resolved':
      return `${event.name}@${event.version}: ${event.files} files, ${formatBytes(event.bytes)}${event.commit ? `, commit ${event.commit}` : ''}`;
    case 'file':
      return `  ${event.path} ${formatBytes(event.bytes)}${ORIGINS[event.from]}`;
    case 'retry':
      return `  ${event.why}; trying again in ${formatDuration(event.delayMs)}`;
    default:
      return undefined;
  }
}

function createBar(io: Io, clock: Clock): PullProgress {
  const samples: { atMs: number; bytes: number }[] = [];
  let drawnMs = -Infinity;
  let shown = false;
  const clear = (): void => {
    if (shown) io.stderr.write('\r\x1b[K');
    shown = false;
  };
  return {
    onEvent(event) {
      if (event.at !== 'bytes') {
        clear();
        writeLine(io, event);
        return;
      }
      const nowMs = clock.monotonic();
      samples.push({ atMs: nowMs, bytes: event.totalBytes });
      while (samples.length > 2 && nowMs - (samples[0]?.atMs ?? nowMs) > RATE_WINDOW_MS) samples.shift();
      if (nowMs - drawnMs < REDRAW_MS && event.totalBytes < event.totalOf) return;
      drawnMs = nowMs;
      shown = true;
      io.stderr.write(`\r\x1b[K${drawBar(event.totalBytes, event.totalOf, rate(samples))}`);
    },
    end: clear,
  };
}

/** Bytes a second over the window; undefined until there is enough to tell. */
function rate(samples: readonly { atMs: number; bytes: number }[]): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.atMs - first.atMs < 200) return undefined;
  return Math.max(0, ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1_000);
}

/** "[#######.......] 42 %  9.6 MB of 22.9 MB  4.1 MB/s  3 s left". */
export function drawBar(bytes: number, of: number, bytesPerSecond: number | undefined): string {
  const share = of === 0 ? 1 : Math.min(1, bytes / of);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${Math.floor(share * 100)} %`;
  const parts = [bar, `${formatBytes(bytes)} of ${formatBytes(of)}`];
  if (bytesPerSecond !== undefined) {
    parts.push(`${formatBytes(Math.round(bytesPerSecond))}/s`);
    if (bytesPerSecond > 0 && bytes < of) parts.push(`${formatDuration(((of - bytes) / bytesPerSecond) * 1_000)} left`);
  }
  return parts.join('  ');
}
