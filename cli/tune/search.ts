/**
 * Looks for the candidate with the highest score, one coordinate after the other, until a pass changes nothing or the time is
 * over. Each coordinate is a race: all its values are measured for a short time, the worse half drops out, the rest is measured for
 * twice as long, until one is left. What is there already stays in its race to the end and is beaten only by more than noise, so a
 * search that is cut short never ends with something worse. Pure: measures by `evaluate`, tells time by `clock`.
 */
import type { Clock } from '../../chassis/clock.js';

export interface Axis<C> {
  name: string;
  show(candidate: C): string;
  others(candidate: C): C[];
}

export interface SearchOptions<C> {
  start: C;
  axes: readonly Axis<C>[];
  /** The score of a candidate when measured for so many seconds; higher is better, 0 is useless. */
  evaluate(candidate: C, seconds: number): Promise<number>;
  /** Of the first round of a race. */
  seconds: number;
  clock: Clock;
  /** By `clock.monotonic()`. No evaluation begins that would end later, as far as the ones before tell. */
  untilMs: number;
  /** By how much of itself a score must be beaten. */
  margin?: number;
  onRace?(race: Race): void;
}

export interface Race {
  axis: string;
  /** Last scores, in the order of the values' last round; `undefined` where time ran out. */
  scores: { value: string; score: number | undefined }[];
  winner: string;
  cut: boolean;
}

export interface SearchResult<C> {
  best: C;
  evaluations: number;
  /** Axes that were not, or not wholly, looked at. */
  unfinished: string[];
}

const PASSES_MAX = 3;
const MARGIN = 0.02;

export async function search<C>(options: SearchOptions<C>): Promise<SearchResult<C>> {
  const { axes, clock, untilMs, margin = MARGIN } = options;
  let best = options.start;
  let evaluations = 0;
  /** Milliseconds an evaluation took beyond what it was asked to measure: starting the process, loading the model. */
  let overheadMs = 0;

  /** Undefined where there is no time left for it. */
  async function measure(candidate: C, seconds: number): Promise<number | undefined> {
    const startedMs = clock.monotonic();
    if (startedMs + seconds * 1_000 + overheadMs > untilMs) return undefined;
    const score = await options.evaluate(candidate, seconds);
    evaluations++;
    overheadMs = Math.max(overheadMs, clock.monotonic() - startedMs - seconds * 1_000);
    return score;
  }

  /** False where the time did not suffice. */
  async function race(axis: Axis<C>): Promise<{ changed: boolean; cut: boolean }> {
    const incumbent = { candidate: best, score: 0 };
    let field = [incumbent, ...axis.others(best).map((candidate) => ({ candidate, score: 0 }))];
    if (field.length === 1) return { changed: false, cut: false };
    const scores = new Map<string, number | undefined>(field.map(({ candidate }) => [axis.show(candidate), undefined]));
    const before = axis.show(best);
    let cut = false;
    for (let seconds = options.seconds; field.length > 1; seconds *= 2) {
      for (const entrant of field) {
        const score = await measure(entrant.candidate, seconds);
        if (score === undefined) {
          cut = true;
          break;
        }
        entrant.score = score;
        scores.set(axis.show(entrant.candidate), score);
      }
      if (cut) break;
      const rivals = field.filter((entrant) => entrant !== incumbent).sort((a, b) => b.score - a.score);
      if (rivals.length === 1) {
        const [rival] = rivals as [typeof incumbent];
        field = [rival.score > incumbent.score * (1 + margin) ? rival : incumbent];
      } else field = [incumbent, ...rivals.slice(0, Math.floor(rivals.length / 2))];
    }
    const winner = cut ? incumbent : (field[0] as typeof incumbent);
    best = winner.candidate;
    options.onRace?.({
      axis: axis.name,
      scores: [...scores].map(([value, score]) => ({ value, score })),
      winner: axis.show(best),
      cut,
    });
    return { changed: axis.show(best) !== before, cut };
  }

  for (let pass = 0; pass < PASSES_MAX; pass++) {
    let changed = false;
    for (const [index, axis] of axes.entries()) {
      const ran = await race(axis);
      changed ||= ran.changed;
      if (ran.cut) {
        const unfinished = pass === 0 ? axes.slice(index).map(({ name }) => name) : [];
        return { best, evaluations, unfinished };
      }
    }
    // One axis alone has been seen whole; with several, a change of one may change what is best of another.
    if (!changed || axes.length === 1) break;
  }
  return { best, evaluations, unfinished: [] };
}

/**
 * Seconds of a first round such that one pass, and half of a second one, fit into the time: a race of n values costs about
 * n + 2n/2 + 4n/4 + ... = n * log2(n) of its first rounds.
 */
export function roundSeconds<C>(start: C, axes: readonly Axis<C>[], availableMs: number, overheadMs: number): number {
  let rounds = 0;
  let starts = 0;
  for (const axis of axes) {
    const values = axis.others(start).length + 1;
    if (values === 1) continue;
    rounds += values * Math.max(1, Math.log2(values));
    starts += values * 2;
  }
  if (rounds === 0) return SECONDS_MIN;
  const seconds = (availableMs - 1.5 * starts * overheadMs) / 1_000 / (1.5 * rounds);
  return Math.min(SECONDS_MAX, Math.max(SECONDS_MIN, seconds));
}

const SECONDS_MIN = 1;
const SECONDS_MAX = 20;
