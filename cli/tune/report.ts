/** What `plexus tune` saw, as people read it: the candidates, the frontier, a plot, and what was written. */
import { formatBytes } from '../models/format.js';
import { type Plot, terminalPlot } from '../plot.js';
import { table } from '../table.js';
import { type Candidate, labelOf } from './candidate.js';
import { frontier, type Measured } from './frontier.js';
import type { CurveStep } from './measure-process.js';

/** A candidate with its last measurement. */
export interface Ranked {
  candidate: Candidate;
  /** Most that keep the target. */
  requestsPerSecond: number;
  p99Ms: number;
  /** Whatever their latency. */
  capacityPerSecond: number;
  rssBytes: number;
  /** It was measured for so long. */
  seconds: number;
}

export interface Report {
  model: string;
  cores: number;
  p99TargetMs: number;
  traffic: string;
  textsPerRequest: number;
  evaluations: number;
  unfinished: string[];
  /** What else the machine did before the start, where that spoils the figures. */
  busy: string | undefined;
  /** What was there, and what is best: the same where nothing is better. */
  before: Ranked;
  chosen: Ranked;
  ranked: Ranked[];
  /** Every load step of every candidate. */
  seen: Measured[];
  /** The chosen one at shares of its capacity. */
  curve: ({ share: number } & CurveStep)[];
  /** How far its outputs are from those of the model's own weights, where it has others. */
  drift:
    | { from: string; to: string; cosineMean: number; cosineMin: number; sameLabel?: number; texts: number }
    | undefined;
  /** Weights it also has, which were not looked at. */
  otherPrecisions: string[];
  /** The file; undefined where nothing was written. */
  written: string | undefined;
}

const SHOWN = 6;
const FRONTIER_SHOWN = 10;

export function printReport(report: Report): string {
  const { before, chosen, p99TargetMs } = report;
  const same = labelOf(before.candidate) === labelOf(chosen.candidate);
  const others = report.ranked
    .filter(({ candidate }) => ![before, chosen].some((each) => labelOf(each.candidate) === labelOf(candidate)))
    .sort((a, b) => b.requestsPerSecond - a.requestsPerSecond)
    .slice(0, SHOWN);
  const rows = [
    row(same ? 'chosen (as now)' : 'now', before),
    ...(same ? [] : [row('chosen', chosen)]),
    ...others.map((each) => row('', each)),
  ];
  const parts = [
    `${report.model}, ${report.cores} cores, most requests/s with p99 within ${p99TargetMs} ms; ${report.traffic}`,
    table(
      [
        '',
        'workers',
        'threads',
        'batch tokens',
        'window',
        'precision',
        'requests/s',
        'p99 ms',
        'at most/s',
        'memory',
        'measured',
      ],
      rows,
    ),
    'Frontier: nothing that was measured answers more requests with a lower p99',
    table(
      ['requests/s', 'p50 ms', 'p99 ms', 'workers x threads, tokens/window, precision'],
      thinned(frontier(report.seen)).map(({ step, candidate }) => [
        step.requestsPerSecond.toFixed(0),
        step.p50Ms.toFixed(1),
        step.p99Ms.toFixed(1),
        labelOf(candidate),
      ]),
    ),
    terminalPlot(plotOf(report)),
    `The chosen one against load (open loop; ${chosen.capacityPerSecond.toFixed(0)} requests/s is what a closed loop gets)`,
    table(
      ['load', 'offered/s', 'answered/s', 'p50 ms', 'p99 ms', 'event-loop gap ms'],
      report.curve.map(({ share, offeredPerSecond, requestsPerSecond, p50Ms, p99Ms, gapMs }) => [
        `${(share * 100).toFixed(0)} %`,
        offeredPerSecond.toFixed(0),
        requestsPerSecond.toFixed(0),
        p50Ms.toFixed(1),
        p99Ms.toFixed(1),
        gapMs.toFixed(1),
      ]),
    ),
    ...notes(report, same),
  ];
  return parts.join('\n\n');
}

function notes(report: Report, same: boolean): string[] {
  const { before, chosen, unfinished, busy, drift, otherPrecisions, written } = report;
  const found: string[] = busy === undefined ? [] : [busy];
  if (!same && before.requestsPerSecond > 0) {
    found.push(`${(chosen.requestsPerSecond / before.requestsPerSecond).toFixed(2)} x what it carries now.`);
  } else if (same) found.push('Nothing that was tried is better than what is there by more than 3 %.');
  if (unfinished.length > 0)
    found.push(`Not looked at for want of time: ${unfinished.join(', ')}; give more --minutes.`);
  if (drift) {
    const labels = drift.sameLabel === undefined ? '' : `, the same label for ${(drift.sameLabel * 100).toFixed(0)} %`;
    found.push(
      `Its answers change: ${drift.to} instead of ${drift.from} has cosine ${drift.cosineMean} on average and ${drift.cosineMin} at worst over ${drift.texts} texts${labels}. Stored vectors should be made anew.`,
    );
  }
  if (otherPrecisions.length > 0) {
    found.push(`It also has ${otherPrecisions.join(', ')} weights; --precision all looks at them, too.`);
  }
  found.push(
    written === undefined
      ? 'Nothing was written.'
      : `Written to ${written}: services on a machine with ${report.cores} cores run it so from their next start, or from the next load of the model.`,
  );
  return found;
}

/** Undefined where the machine was idle enough: `load` is its load average of a minute. */
export function busyNote(load: number, cores: number): string | undefined {
  if (load <= cores / 2) return undefined;
  return `The machine is busy (load average ${load.toFixed(1)} on ${cores} cores): these figures are lower than it could do, and chance has a part in them.`;
}

function row(what: string, { candidate, ...seen }: Ranked): string[] {
  return [
    what,
    String(candidate.workers),
    String(candidate.threads),
    String(candidate.batchTokensMax),
    String(candidate.windowMax),
    candidate.precision,
    seen.requestsPerSecond.toFixed(0),
    seen.p99Ms.toFixed(1),
    seen.capacityPerSecond.toFixed(0),
    formatBytes(seen.rssBytes),
    `${seen.seconds.toFixed(1)} s`,
  ];
}

/** Evenly, with both ends. */
function thinned<T>(all: readonly T[]): T[] {
  if (all.length <= FRONTIER_SHOWN) return [...all];
  const places = Array.from({ length: FRONTIER_SHOWN }, (_, index) =>
    Math.round((index * (all.length - 1)) / (FRONTIER_SHOWN - 1)),
  );
  return places.map((place) => all[place] as T);
}

/** Every load step that was measured, what is on the frontier, and the chosen one's load curve. */
export function plotOf(report: Report): Plot {
  const point = ({ requestsPerSecond, p99Ms }: { requestsPerSecond: number; p99Ms: number }) => ({
    x: requestsPerSecond,
    y: p99Ms,
  });
  return {
    title: `${report.model} on ${report.cores} cores: p99 against requests/s`,
    xLabel: 'requests/s',
    yLabel: 'p99 ms',
    series: [
      { name: 'measured', mark: '.', points: report.seen.map(({ step }) => point(step)) },
      { name: 'frontier', mark: 'o', points: frontier(report.seen).map(({ step }) => point(step)), joined: true },
      { name: 'chosen, 20 to 120 % load', mark: '#', points: report.curve.map(point), joined: true },
    ],
    line: { y: report.p99TargetMs, name: `target ${report.p99TargetMs} ms` },
  };
}
