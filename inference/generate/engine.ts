/**
 * The scheduler of one worker: continuous batching. Between two steps newcomers are read (one batch of prompts at most) and sit
 * down beside those who decode; whoever is done leaves at once. Knows graphs and decodings, but no threads and no texts, so
 * tests run it on arithmetic of their own.
 */
import { type Batch, createBatch, type Joining, type Seated } from './batch.js';
import { createBeams } from './beams.js';
import { assemble, type RowOf, rowBytes, wipe } from './cache.js';
import type { Decoding, Generated, RowRanks, Step, StepRows, StopCheck } from './decoding.js';
import type { Graph, Logits } from './graph.js';
import type { Resolved } from './parameters.js';
import type { Ranker } from './ranking.js';
import { createSampling } from './sample.js';
import { type Caller, createWaiting } from './waiting.js';

export interface Job extends Caller {
  id: number;
  /** Input of the encoder, or the prompt of a decoder-only model. */
  input: readonly number[];
  given: Resolved;
  /** Sends each token of the first result as it becomes certain. */
  stream: boolean;
  stops?: StopCheck | undefined;
}

export interface EngineLimits {
  rowsMax: number;
  cacheBytesMax: number;
  promptTokensMax: number;
  paddingMax: number;
  sliceSteps: number;
  /** Tenants told apart among those who wait. */
  tenantsMax: number;
  tenantShares: ReadonlyMap<string, number>;
}

/** Where a job's time went, in milliseconds. */
export interface JobTimes {
  queueMs: number;
  /** Reading the prompt. */
  promptMs: number;
  /** Inside the graph, steps and prompt; shared with all who ran along. */
  computeMs: number;
  steps: number;
  /** Rows of the largest step this job was part of. */
  rowsMax: number;
}

export type EngineEvent =
  | { at: 'token'; id: number; token: number; logprob: number }
  | { at: 'done'; id: number; results: Generated[]; times: JobTimes }
  | { at: 'failed'; id: number; code: 'MODEL_FAILED' | 'OPTION_UNSUPPORTED'; reason: string };

export interface EngineStats {
  waiting: number;
  liveRows: number;
  cacheBytes: number;
  reservedBytes: number;
  batches: number;
  steps: number;
  /** Rows computed, empty ones included. */
  rowSteps: number;
  generatedTokens: number;
  computeMs: number;
}

export interface Engine {
  submit(job: Job): void;
  /** Ends a job before the next step; it says nothing more. */
  cancel(id: number): void;
  stats(): EngineStats;
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>;
}

interface Active extends Seated {
  job: Job;
  decoding: Decoding;
  times: JobTimes;
  /** Bytes it may come to hold; set aside, what it holds. */
  reserved: number;
  /** Steps since it sat down. */
  seated: number;
}

/** Prompts that are read while others decode. */
interface Reading {
  rows: number;
  /** Resolves when `joining` holds who has been read. */
  ended: Promise<void>;
  joining: Joining<Active>[] | undefined;
  /** Jobs that were cancelled meanwhile. */
  gone: Set<number>;
  /** Steps that others may still take before they wait for it, where it is read apart. */
  stepsLeft: number;
  /** Where it is read in parts: reads the next one. */
  goOn(): void;
  /** ... and hears that a part has been read. */
  atPause(): void;
}

/**
 * Steps that are taken at most while prompts are read apart: one for each so many padded tokens, which is less than the same time reads
 * on a core of its own, so that those who decode wait only where there is none.
 */
const READING_TOKENS_A_STEP = 24;

/**
 * A short prompt has at most so many tokens. It is never read together with a long one, and while others decode no more of them than
 * that are read at once: its first token comes within a few steps, whatever else waits.
 */
const SHORT_TOKENS = 128;

/**
 * Where one job decodes, in no more rows than this, it takes no second step before a short prompt is read: its first token comes with the
 * third step at the latest, the one under way when it came included. More would lose more by waiting than one gains, since reading
 * takes as long either way: there it is the eighth, for the longest of short ones.
 */
const WAITING_ROWS_MAX = 4;

/** Waits to be read, or was set aside and waits to go on. */
type Entry = { at: 'new'; job: Job; sinceMs: number } | { at: 'aside'; active: Active; rows: RowOf[] };
type Fresh = Extract<Entry, { at: 'new' }>;
type Aside = Extract<Entry, { at: 'aside' }>;

export interface EngineOptions {
  graph: Graph;
  /** Ranks the tokens of rows for those who ask for that; absent: they do it themselves. */
  ranker?: Ranker | undefined;
  /** First token of the decoder; undefined for decoder-only models, whose prompt it is. */
  startId: number | undefined;
  limits: EngineLimits;
  /** Called once a turn at most, with everything that happened in it. */
  emit(events: EngineEvent[]): void;
  nowMs(): number;
}

export function createEngine({ graph, ranker, startId, limits, emit, nowMs }: EngineOptions): Engine {
  const waiting = createWaiting<Entry>({ tenantsMax: limits.tenantsMax, shares: limits.tenantShares });
  const setAside = new Set<Active>();
  const batches = new Set<Batch<Active>>();
  const cancelled = new Set<number>();
  const totals = { steps: 0, rowSteps: 0, generatedTokens: 0, computeMs: 0 };
  let reservedBytes = 0;
  let events: EngineEvent[] = [];
  let running: Promise<void> | undefined;
  let reading: Reading | undefined;

  const liveRows = (): number => [...batches].reduce((sum, batch) => sum + batch.liveRows, 0);
  const widthOf = ({ given }: Job): number => Math.max(given.numBeams, given.numReturnSequences);
  const bytesOf = (job: Job): number =>
    widthOf(job) * rowBytes(graph.specs, job.given.maxLength, startId === undefined ? 0 : job.input.length);

  /** Held now, or reserved for what is to come: whichever is more, as padding and rows just left are reserved by nobody. */
  const heldBytes = (): number => {
    let held = 0;
    for (const batch of batches) held += batch.bytes();
    for (const active of setAside) held += active.reserved;
    return held;
  };
  const spareBytes = (): number => limits.cacheBytesMax - Math.max(reservedBytes, heldBytes());
  /** For the queue: steps of rows until its slice is over. */
  const weightOf = (job: Job, taken: number): number =>
    widthOf(job) * Math.max(1, Math.min(limits.sliceSteps, job.given.maxLength - job.given.promptLength - taken));
  /** Steps that those who decode may take while prompts of so many padded tokens are read. */
  const stepsBeside = (longest: number, tokens: number): number => {
    const jobs = [...batches].reduce((sum, { members }) => sum + members.size, 0);
    if (longest <= SHORT_TOKENS && jobs <= 1 && liveRows() <= WAITING_ROWS_MAX) return 1;
    return Math.ceil(tokens / READING_TOKENS_A_STEP);
  };
  const isShort = ({ job }: Fresh): boolean => job.input.length <= SHORT_TOKENS;

  const submit = (job: Job): void => {
    const bytes = bytesOf(job);
    const problem =
      widthOf(job) > limits.rowsMax
        ? `asks for ${widthOf(job)} rows at once; this server decodes ${limits.rowsMax}`
        : bytes > limits.cacheBytesMax
          ? `may need ${mebibytes(bytes)} of cache; this server has ${mebibytes(limits.cacheBytesMax)}: ask for fewer tokens or beams`
          : undefined;
    if (problem) {
      emit([{ at: 'failed', id: job.id, code: 'OPTION_UNSUPPORTED', reason: problem }]);
      return;
    }
    waiting.push(job, { at: 'new', job, sinceMs: nowMs() }, weightOf(job, 0));
    wake();
  };

  const wake = (): void => {
    running ??= (async () => {
      // Let what was sent in the same turn of the event loop come in before the first batch of prompts is cut.
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (waiting.size > 0 || batches.size > 0 || reading) await turn();
      running = undefined;
    })();
  };

  const turn = async (): Promise<void> => {
    dropCancelled();
    if (reading && batches.size > 0 && graph.reads === 'in parts') await readOn(reading);
    else if (reading && (batches.size === 0 || reading.stepsLeft-- <= 0)) {
      reading.goOn();
      await reading.ended;
    }
    await admit();
    for (const batch of [...batches]) {
      dropCancelled();
      if (batches.has(batch)) await step(batch);
    }
    if (events.length > 0) {
      const said = events;
      events = [];
      emit(said);
    }
  };

  const dropCancelled = (): void => {
    if (cancelled.size === 0) return;
    for (const entry of waiting.remove((each) => cancelled.has(jobOf(each).id))) {
      if (entry.at !== 'aside') continue;
      reservedBytes -= entry.active.reserved;
      setAside.delete(entry.active);
    }
    for (const batch of batches) {
      for (const active of [...batch.members]) if (cancelled.has(active.job.id)) end(batch, active);
    }
    events = events.filter(({ id }) => !cancelled.has(id));
    for (const id of cancelled) reading?.gone.add(id);
    cancelled.clear();
  };

  const end = (batch: Batch<Active>, active: Active): void => {
    batch.leave(active);
    reservedBytes -= active.reserved;
    if (batch.members.size === 0) batches.delete(batch);
  };

  /** Whoever's turn it is sits down, as far as rows, cache and one batch of prompts go. */
  const admit = async (): Promise<void> => {
    const joining = welcome();
    const rowsOf = (entries: readonly (Fresh | Joining<Active>)[]): number =>
      entries.reduce((sum, each) => sum + ('rows' in each ? each.rows.length : widthOf(each.job)), 0);
    const fresh: Fresh[] = [];
    let longest = 0;
    waiting.newRound();
    for (let entry = waiting.peek(); entry; entry = waiting.peek()) {
      if (entry.at === 'new' && !readsWith(fresh, entry, longest, joining.length > 0)) {
        // Another caller may have one that fits beside those already chosen, or one that needs no reading.
        waiting.pass();
        continue;
      }
      const job = jobOf(entry);
      const width = entry.at === 'aside' ? entry.rows.length : widthOf(job);
      const bytes = bytesOf(job) - (entry.at === 'aside' ? entry.active.reserved : 0);
      const lacking = (): { rows: number; bytes: number } => ({
        rows: seatedRows() + rowsOf(joining) + rowsOf(fresh) + width - limits.rowsMax,
        bytes: bytes - spareBytes(),
      });
      let { rows: rowsLacking, bytes: bytesLacking } = lacking();
      if (bytesLacking > 0) {
        for (const batch of batches) batch.tighten();
        ({ rows: rowsLacking, bytes: bytesLacking } = lacking());
      }
      if (rowsLacking > 0 || bytesLacking > 0) {
        makeRoom(rowsLacking, bytesLacking);
        ({ rows: rowsLacking, bytes: bytesLacking } = lacking());
      }
      if (rowsLacking > 0 || bytesLacking > 0) {
        // Its turn stays, so who needs much gets it in the end. With nobody at work only those set aside can free anything.
        if (batches.size === 0 && !reading && joining.length === 0 && fresh.length === 0) joining.push(bringBack());
        break;
      }
      waiting.take();
      if (entry.at === 'aside') joining.push(goOn(entry));
      else {
        reservedBytes += bytes;
        longest = Math.max(longest, job.input.length);
        fresh.push(entry);
      }
    }
    if (joining.length > 0) sit(joining);
    if (fresh.length === 0) return;
    if (reading) {
      sit(await read(fresh, new Set())); // Short prompts, between two parts of a long one.
      return;
    }
    const alone = batches.size === 0;
    const tokens = longest * fresh.length;
    const started: Reading = {
      rows: rowsOf(fresh),
      joining: undefined,
      gone: new Set(),
      ended: Promise.resolve(),
      // One is taken in this very turn.
      stepsLeft: stepsBeside(longest, tokens) - 1,
      goOn() {},
      atPause() {},
    };
    const pause = async (): Promise<void> => {
      if (fresh.every(({ job }) => hasLeft(job, started.gone))) throw new Error('nobody waits for it');
      if (batches.size === 0) return;
      await new Promise<void>((resolve) => {
        started.goOn = resolve;
        started.atPause();
      });
    };
    const inParts = graph.reads === 'in parts' && !alone && tokens > READING_TOKENS_A_STEP;
    reading = started;
    started.ended = read(fresh, started.gone, inParts ? pause : undefined).then((found) => {
      started.joining = found;
    });
    // Who decodes goes on while prompts are read, where that is done elsewhere or can be interrupted.
    if (graph.reads === 'apart' && !alone) return;
    if (inParts) await readOn(started);
    else await started.ended;
    sit(welcome());
  };

  /** Reserves again what it may yet come to. */
  const goOn = ({ active, rows }: Aside): Joining<Active> => {
    const bytes = bytesOf(active.job);
    reservedBytes += bytes - active.reserved;
    active.reserved = bytes;
    setAside.delete(active);
    return { who: active, rows };
  };

  /** Whoever of those set aside lacks least, whatever stands before it: canAllEnd has seen to it that there is enough. */
  const bringBack = (): Joining<Active> => {
    const lacks = (active: Active): number => bytesOf(active.job) - active.reserved;
    const least = [...setAside].reduce((a, b) => (lacks(b) < lacks(a) ? b : a));
    const [entry] = waiting.remove((each) => each.at === 'aside' && each.active === least);
    return goOn(entry as Aside);
  };

  /** May this prompt be read now, together with those? */
  const readsWith = (fresh: readonly Fresh[], entry: Fresh, longest: number, othersJoin: boolean): boolean => {
    const short = isShort(entry);
    if (reading && !(graph.reads === 'in parts' && short)) return false;
    const [first] = fresh;
    if (!first) return true;
    const { length } = entry.job.input;
    if (isShort(first) !== short || (!graph.mixedPrompts && length !== longest)) return false;
    const othersWait = short && (batches.size > 0 || othersJoin);
    const most = othersWait ? Math.min(SHORT_TOKENS, limits.promptTokensMax) : limits.promptTokensMax;
    return Math.max(longest, length) * (fresh.length + 1) <= most;
  };

  /** Reads the next part of a prompt; resolves when that, or all of it, is read. */
  const readOn = async (current: Reading): Promise<void> => {
    const paused = new Promise<void>((resolve) => {
      current.atPause = resolve;
    });
    current.goOn();
    await Promise.race([paused, current.ended]);
  };

  const seatedRows = (): number => liveRows() + (reading?.rows ?? 0);

  /** Who has been read by now, less those who left meanwhile. */
  const welcome = (): Joining<Active>[] => {
    if (!reading?.joining) return [];
    const { joining, gone } = reading;
    reading = undefined;
    events = events.filter(({ id }) => !gone.has(id));
    return joining.filter(({ who }) => {
      if (gone.has(who.job.id)) reservedBytes -= who.reserved;
      return !gone.has(who.job.id);
    });
  };

  /**
   * Sets aside those who have had their slice, longest first, where that frees what is wanted. They keep what they hold of the cache
   * and give back what was reserved for the rest.
   */
  const makeRoom = (rows: number, bytes: number): void => {
    const tired = [...batches]
      .flatMap((batch) => [...batch.members].map((active) => ({ batch, active })))
      .filter(({ active }) => active.seated >= limits.sliceSteps)
      .sort((a, b) => b.active.seated - a.active.seated);
    const chosen: { batch: Batch<Active>; active: Active; held: number }[] = [];
    let [rowsLeft, bytesLeft] = [rows, bytes];
    for (const { batch, active } of tired) {
      if (rowsLeft <= 0 && bytesLeft <= 0) break;
      const held = heldBy(active, batch);
      if (!canAllEnd([...chosen, { active, held }])) continue;
      chosen.push({ batch, active, held });
      rowsLeft -= active.slots.length;
      bytesLeft -= active.reserved - held;
    }
    if (rowsLeft > 0 || bytesLeft > 0) return;
    for (const { batch, active, held } of chosen) {
      const aside = assemble(active.slots.map((row) => ({ cache: batch.cache, row })));
      batch.leave(active);
      if (batch.members.size === 0) batches.delete(batch);
      reservedBytes -= active.reserved - held;
      active.reserved = held;
      setAside.add(active);
      const rowsOfIt = Array.from({ length: aside.rows }, (_, row) => ({ cache: aside, row }));
      waiting.push(active.job, { at: 'aside', active, rows: rowsOfIt }, weightOf(active.job, active.times.steps));
    }
  };

  /** Bytes of its rows in a cache of their own. */
  const heldBy = ({ slots }: Active, { cache }: Batch<Active>): number => {
    const longest = (of: readonly number[]): number => Math.max(...slots.map((slot) => of[slot] as number));
    return slots.length * rowBytes(graph.specs, longest(cache.lengths), longest(cache.sources));
  };

  /**
   * Could all who are set aside be brought to their ends one after another, with these among them? Else nobody might ever go on:
   * each holds a part of the cache and waits for another part of it. Whoever sits has all it needs, and gives it back.
   */
  const canAllEnd = (more: readonly { active: Active; held: number }[]): boolean => {
    const asides = [...more, ...[...setAside].map((active) => ({ active, held: active.reserved }))]
      .map(({ active, held }) => ({ held, lacks: bytesOf(active.job) - held }))
      .sort((a, b) => a.lacks - b.lacks);
    let free = limits.cacheBytesMax - asides.reduce((sum, { held }) => sum + held, 0);
    for (const { held, lacks } of asides) {
      if (lacks > free) return false;
      free += held;
    }
    return true;
  };

  const hasLeft = ({ id }: Job, gone: ReadonlySet<number>): boolean => gone.has(id) || cancelled.has(id);

  /** Reads prompts and takes the first token of each. One that cannot be read fails alone; one whose caller has left is let be. */
  const read = async (
    fresh: readonly Fresh[],
    gone: ReadonlySet<number>,
    pause?: () => Promise<void>,
  ): Promise<Joining<Active>[]> => {
    const startedMs = nowMs();
    let pausedMs = 0;
    const measured =
      pause &&
      (async (): Promise<void> => {
        const sinceMs = nowMs();
        await pause();
        pausedMs += nowMs() - sinceMs;
      });
    let prefilled: Awaited<ReturnType<Graph['prefill']>>;
    try {
      prefilled = await graph.prefill(
        fresh.map(({ job }) => job.input),
        measured,
      );
    } catch (error) {
      const found: Joining<Active>[] = [];
      for (const entry of fresh) {
        const left = hasLeft(entry.job, gone);
        if (fresh.length > 1 && !left) found.push(...(await read([entry], gone, pause)));
        else {
          reservedBytes -= bytesOf(entry.job);
          if (!left) fail(entry.job, error);
        }
      }
      return found;
    }
    const promptMs = nowMs() - startedMs - pausedMs;
    totals.computeMs += promptMs;
    const joining: Joining<Active>[] = [];
    for (const [row, { job, sinceMs }] of fresh.entries()) {
      const prompt = startId === undefined ? job.input : [startId];
      const { given, input, stops } = job;
      const active: Active = {
        job,
        decoding:
          given.numBeams > 1 ? createBeams(given, prompt, input, stops) : createSampling(given, prompt, input, stops),
        times: { queueMs: startedMs - sinceMs, promptMs, computeMs: promptMs, steps: 0, rowsMax: fresh.length },
        reserved: bytesOf(job),
        seated: 0,
        slots: [],
        tokens: [],
      };
      const { logits, cache } = prefilled;
      // Every row of the job continues the one row that was read.
      const continued = (rows: number): RowOf[] => Array.from({ length: rows }, () => ({ cache, row }));
      if (!logits) {
        active.tokens = new Array<number>(active.decoding.rows).fill(startId as number);
        joining.push({ who: active, rows: continued(active.decoding.rows) });
        continue;
      }
      const next = advance(active, { logits: () => logits.row(row) });
      if (next.at !== 'more') reservedBytes -= active.reserved;
      else {
        active.tokens = next.tokens;
        joining.push({ who: active, rows: continued(next.tokens.length) });
      }
    }
    return joining;
  };

  const sit = (joining: readonly Joining<Active>[]): void => {
    for (const { who } of joining) who.seated = 0;
    let left = [...joining];
    if (graph.ragged) {
      for (const batch of batches) {
        const near = left.filter(({ rows }) =>
          rows.every(
            ({ cache, row }) => Math.abs(batch.cache.length - (cache.lengths[row] as number)) <= limits.paddingMax,
          ),
        );
        if (near.length > 0) batch.join(near);
        left = left.filter((each) => !near.includes(each));
      }
    }
    while (left.length > 0) {
      const length = lengthOf(left[0] as Joining<Active>);
      const reach = graph.ragged ? limits.paddingMax : 0;
      const alike = left.filter((each) => Math.abs(lengthOf(each) - length) <= reach);
      batches.add(createBatch(alike, { oneScale: graph.oneScale, spareBytes }));
      left = left.filter((each) => !alike.includes(each));
    }
  };

  const step = async (batch: Batch<Active>): Promise<void> => {
    batch.compact((reading?.rows ?? 0) + waiting.size);
    const startedMs = nowMs();
    let logits: Logits;
    let ranked: RowRanks | undefined;
    try {
      const needs = [...batch.members].map(({ decoding }) => decoding.needs);
      const ranks = Math.max(...needs.map((each) => each.ranks));
      logits = await graph.step(batch.cache, batch.tokens(), {
        logits: needs.some((each) => each.logits),
        top: Math.max(...needs.map(({ top }) => top)),
      });
      if (ranker && ranks > 0 && logits.tensor) ranked = await ranker.rank(logits.tensor, ranks);
    } catch (error) {
      for (const active of [...batch.members]) {
        end(batch, active);
        fail(active.job, error);
      }
      return;
    }
    const tookMs = nowMs() - startedMs;
    totals.steps++;
    totals.rowSteps += logits.rows;
    totals.computeMs += tookMs;
    for (const active of [...batch.members]) {
      active.seated++;
      active.times.steps++;
      active.times.computeMs += tookMs;
      active.times.rowsMax = Math.max(active.times.rowsMax, logits.rows);
      const { slots } = active;
      const slot = (row: number): number => slots[row] as number;
      const { top } = logits;
      const next = advance(active, {
        logits: (row) => logits.row(slot(row)),
        ranked: ranked && ((row) => (ranked as RowRanks)(slot(row))),
        top: top && ((row) => top(slot(row))),
      });
      if (next.at === 'failed') for (const each of slots) wipe(batch.cache, each);
      if (next.at !== 'more') end(batch, active);
      else {
        batch.follow(active, next.parents);
        active.tokens = next.tokens;
      }
    }
  };

  /** Lets a job choose its next tokens. One that cannot (logits that are no numbers) fails alone. */
  const advance = (active: Active, rows: StepRows): Step | { at: 'failed' } => {
    const { job, decoding, times } = active;
    totals.generatedTokens += decoding.rows;
    let next: Step;
    try {
      next = decoding.advance(rows);
    } catch (error) {
      fail(job, error);
      return { at: 'failed' };
    }
    if (next.certain && job.stream) {
      events.push({ at: 'token', id: job.id, token: next.certain.id, logprob: next.certain.logprob });
    }
    if (next.at === 'done') events.push({ at: 'done', id: job.id, results: next.results, times });
    return next;
  };

  const fail = ({ id }: Job, error: unknown): void => {
    events.push({
      at: 'failed',
      id,
      code: 'MODEL_FAILED',
      reason: error instanceof Error ? error.message : String(error),
    });
  };

  return {
    submit,
    cancel(id) {
      cancelled.add(id);
      if (!running) cancelled.clear(); // Nothing runs: there is nobody to end.
    },
    stats: () => ({
      waiting: waiting.size,
      liveRows: liveRows(),
      cacheBytes: heldBytes(),
      reservedBytes,
      batches: batches.size,
      ...totals,
    }),
    idle: () => running ?? Promise.resolve(),
  };
}

function jobOf(entry: Entry): Job {
  return entry.at === 'new' ? entry.job : entry.active.job;
}

function lengthOf<S extends Seated>({ rows }: Joining<S>): number {
  const { cache, row } = rows[0] as RowOf;
  return cache.lengths[row] as number;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
