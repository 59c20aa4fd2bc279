/**
 * Ways to choose the company of the oldest text, in virtual time: callers with one text each that ask again as soon as they are answered,
 * two workers, 256 padded tokens a batch; a run takes 0.1 ms a padded token, 15 % more or less, and `run` ms before its first. What
 * lost and by how much is the point of it; the one that is used runs in test/inference/scheduler.test.ts, in the scheduler itself.
 * Then texts that come at random (open loop), and idle workers that wait for company. Prints Markdown. `node dist/bench/policies.js`
 */
import { join } from 'node:path';
import { type BatchCost, pickBatch, USUAL_COST } from '../inference/batcher.js';
import { loadTokenizer } from '../inference/tokenizer/index.js';
import { packageRoot } from '../protos/index.js';
import { benchTexts, seeded } from './texts.js';

interface Entry {
  tokens: number;
  queuedMs: number;
  /** Batches it was not taken into. */
  passed: number;
}

/** Places of the next batch; the oldest stands first. `cost` is the true one. */
type Policy = (waiting: readonly Entry[], nowMs: number, cost: BatchCost) => number[];

const TOKEN_MS = 0.1;
const LIMITS = { tokensMax: 256, rowsMax: 64 };

const tokenizer = await loadTokenizer(join(packageRoot, 'models', 'store', 'minilm-l3-en', '1'));
const LENGTHS = benchTexts('mixed', 4_096).map((text) => tokenizer.encodeIds(text, { maxTokens: 128 }).length);

interface Setting {
  runMs: number;
  /** Closed loop of so many, or so many texts a second at random. */
  callers?: number;
  perSecond?: number;
  /** How long an idle worker waits for a full batch. */
  waitMs?: number;
  seed: number;
}

interface Seen {
  perSecond: number;
  p50: number;
  p99: number;
  busy: number;
}

function simulate(policy: Policy, { runMs, callers = 0, perSecond = 0, waitMs = 0, seed }: Setting): Seen {
  const calls = 12_000;
  const random = seeded(seed);
  const cost = { runTokens: runMs / TOKEN_MS, longestShare: 0 };
  const events: { atMs: number; run: () => void }[] = [];
  const latencies: number[] = [];
  let waiting: Entry[] = [];
  let [nowMs, idle, busyMs, came] = [0, 2, 0, 0];
  const after = (ms: number, run: () => void): void => {
    const atMs = nowMs + ms;
    let place = events.length;
    while (place > 0 && (events[place - 1] as { atMs: number }).atMs > atMs) place--;
    events.splice(place, 0, { atMs, run });
  };
  const come = (): void => {
    came++;
    waiting.push({ tokens: LENGTHS[Math.floor(random() * LENGTHS.length)] as number, queuedMs: nowMs, passed: 0 });
    pump();
  };
  const pump = (): void => {
    for (let [first] = waiting; idle > 0 && first; [first] = waiting) {
      const tokens = waiting.reduce((sum, entry) => sum + entry.tokens, 0);
      const untilMs = first.queuedMs + waitMs;
      if (waitMs > 0 && tokens < LIMITS.tokensMax && nowMs < untilMs - 1e-9) {
        after(untilMs - nowMs, pump);
        return;
      }
      const chosen = new Set(policy(waiting, nowMs, cost));
      const batch = waiting.filter((_, place) => chosen.has(place));
      waiting = waiting.filter((_, place) => !chosen.has(place));
      for (const entry of waiting) entry.passed++;
      const padded = Math.max(...batch.map((entry) => entry.tokens)) * batch.length;
      const tookMs = (runMs + TOKEN_MS * padded) * (0.85 + 0.3 * random());
      busyMs += tookMs;
      idle--;
      after(tookMs, () => {
        idle++;
        for (const { queuedMs } of batch) {
          latencies.push(nowMs - queuedMs);
          if (callers > 0) after(0.25 + 0.5 * random(), come);
        }
        pump();
      });
    }
  };
  const arrive = (): void => {
    come();
    if (came < calls) after((-Math.log(1 - random()) * 1_000) / perSecond, arrive);
  };
  if (perSecond > 0) arrive();
  for (let caller = 0; caller < callers; caller++) after(random() * 20, come);
  while (latencies.length < calls) {
    const next = events.shift() as { atMs: number; run: () => void };
    nowMs = next.atMs;
    next.run();
  }
  const sorted = latencies.slice(500).sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] as number;
  return { perSecond: (calls * 1_000) / nowMs, p50: at(0.5), p99: at(0.99), busy: busyMs / nowMs / 2 };
}

/** A run of neighbours in length around the oldest, the one with the most worth per token of cost; `worthOf` an entry of `age` ms. */
function neighbours(
  worthOf: (entry: Entry, age: number, all: { oldest: number; mean: number }) => number,
  { tokensMax = LIMITS.tokensMax, windowMax = 256, runTokens = undefined as number | undefined } = {},
): Policy {
  return (waiting, nowMs, cost) => {
    const window = waiting.slice(0, windowMax);
    const order = window.map((_, place) => place);
    order.sort((a, b) => (window[a] as Entry).tokens - (window[b] as Entry).tokens || a - b);
    const lead = order.indexOf(0);
    const mean = window.reduce((sum, { tokens }) => sum + tokens, 0) / window.length;
    const oldest = Math.max(1e-9, nowMs - Math.min(...window.map(({ queuedMs }) => queuedMs)));
    const worths = order.map((place) => {
      const entry = window[place] as Entry;
      return worthOf(entry, nowMs - entry.queuedMs, { oldest, mean });
    });
    let best = { from: lead, to: lead, worth: -1 };
    for (let to = lead; to < order.length; to++) {
      const { tokens } = window[order[to] as number] as Entry;
      for (let from = to, sum = 0; from >= 0 && (to - from + 1) * tokens <= Math.max(tokens, tokensMax); from--) {
        sum += worths[from] as number;
        const worth = sum / ((runTokens ?? cost.runTokens) + tokens * (to - from + 1));
        if (from <= lead && worth > best.worth) best = { from, to, worth };
      }
    }
    return order.slice(best.from, best.to + 1);
  };
}

/** From the oldest on, each that keeps the batch within the budget and so full. */
const oldestFirst =
  (fill: number): Policy =>
  (waiting) => {
    const chosen: number[] = [];
    let [longest, real] = [0, 0];
    for (const [place, { tokens }] of waiting.entries()) {
      const padded = Math.max(longest, tokens) * (chosen.length + 1);
      if (place > 0 && (padded > LIMITS.tokensMax || (real + tokens) / padded < fill)) continue;
      chosen.push(place);
      longest = Math.max(longest, tokens);
      real += tokens;
    }
    return chosen;
  };

const plain = ({ tokens }: Entry): number => tokens;
const used: Policy = (waiting, nowMs, cost) => pickBatch(waiting, LIMITS, { nowMs, cost });
const byShare = (share: number): Policy =>
  neighbours(({ tokens }, age, { oldest }) => tokens * (1 + (share * age) / oldest));
const bonus = (share: number): Policy =>
  neighbours(({ tokens }, age, { oldest, mean }) => tokens + (share * mean * age) / oldest);
const byPasses = (share: number): Policy => neighbours(({ tokens, passed }) => tokens * (1 + share * passed));

const POLICIES: readonly (readonly [string, Policy])[] = [
  ['as it was: by length alone, a run reckoned at 24 tokens', neighbours(plain, { runTokens: USUAL_COST.runTokens })],
  ['by length alone, a run at its true cost', neighbours(plain)],
  ['... batches of 64 padded tokens at most', neighbours(plain, { tokensMax: 64 })],
  ['... of 128', neighbours(plain, { tokensMax: 128 })],
  ['... among the oldest 12 only', neighbours(plain, { windowMax: 12 })],
  ['oldest first, as long as 90 % are real tokens', oldestFirst(0.9)],
  ['... 95 %', oldestFirst(0.95)],
  ['tokens count 20 % more for each time passed over', byPasses(0.2)],
  ['... 5 %', byPasses(0.05)],
  ["tokens count up to 25 % more by their share of the oldest one's age", byShare(0.25)],
  ['... 50 %', byShare(0.5)],
  ['... 100 %', byShare(1)],
  ['age is worth up to a quarter of the mean length', bonus(0.25)],
  ['... **half (used)**', used],
  ['... all of it', bonus(1)],
];

const SEEDS = [1, 2];
const mean = (policy: Policy, setting: Omit<Setting, 'seed'>): Seen => {
  const all = SEEDS.map((seed) => simulate(policy, { ...setting, seed }));
  const of = (key: keyof Seen): number => all.reduce((sum, each) => sum + each[key], 0) / all.length;
  return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), busy: of('busy') };
};

console.log('calls a second, p99 in ms; 32 callers, and 128 in the last column\n');
console.log('| how the company of the oldest text is chosen | 0.5 ms a run | 1 ms | 2 ms | 0.5 ms, 128 callers |');
console.log('|---|---|---|---|---|');
for (const [name, policy] of POLICIES) {
  const cells = [0.5, 1, 2].map((runMs) => mean(policy, { runMs, callers: 32 }));
  cells.push(mean(policy, { runMs: 0.5, callers: 128 }));
  console.log(
    `| ${name} | ${cells.map(({ perSecond, p99 }) => `${perSecond.toFixed(0)}, ${p99.toFixed(0)}`).join(' | ')} |`,
  );
}

console.log(
  '\n| arrivals a second (workers busy), cost of a run | no wait | 1 ms | 2 ms | 5 ms | 10 ms |\n|---|---|---|---|---|---|',
);
for (const [perSecond, runMs] of [
  [130, 0.5],
  [260, 0.5],
  [390, 0.5],
  [520, 0.5],
  [260, 2],
  [390, 2],
] as const) {
  const cells = [0, 1, 2, 5, 10].map((waitMs) => mean(used, { runMs, perSecond, waitMs }));
  const busy = ((cells[0] as Seen).busy * 100).toFixed(0);
  const shown = cells.map(({ p50, p99 }) => `${p50.toFixed(1)}, ${p99.toFixed(1)}`);
  console.log(`| ${perSecond} (${busy} %), ${runMs} ms | ${shown.join(' | ')} |`);
}
