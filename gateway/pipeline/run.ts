/**
 * Runs a plan. Every step starts as soon as what it reads exists; a step whose condition is false, or whose source has no
 * result, is skipped; a result that nobody needs any more is cancelled. One signal and one deadline hold for all; the first
 * failure that nothing stands in for ends the run and cancels the rest.
 *
 * The graph is walked by demand: outputs demand steps, steps demand what they read. A demand is given back when its reader
 * is skipped, takes another branch or (an output) can no longer be made, and a step without demands stops.
 */
import type { Clock } from '../../chassis/clock.js';
import { abortReason, MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import { type CallUpstream, callWithRetries } from './attempt.js';
import { reserveAfter } from './budget.js';
import { absent, chooseBranch, type Decision, decide } from './decide.js';
import { limited, mapBounded } from './each.js';
import type { Scope } from './expression.js';
import { acceptInput } from './inputs.js';
import { type Leaf, type OutputField, type PipelineAction, type Plan, type PlanStep, stepRefs } from './plan.js';
import { addInner, addUsage, attemptsSoFar, createTally, type StepReport, type Tally, type Usage } from './report.js';
import { inItem, inStep } from './where.js';

export interface RunOptions {
  plan: Plan;
  /** Plain values by name, or CEL values: checked either way. */
  input: Readonly<Record<string, unknown>>;
  upstream: CallUpstream;
  clock: Clock;
  random: () => number;
  /** Sent along with every call. */
  metadata: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch; finite. `signal` aborts when it passes: no second timer is kept for it. */
  deadlineMs: number;
  signal: AbortSignal;
  /** Monotonic milliseconds that times are told from. Default: now. */
  startedMs?: number;
  onEvent?: (event: RunEvent) => void;
}

/** Of a step, or of a step of a pipeline that is one: "step", "step.inner", "step[2].inner" in an each. */
export type RunEvent =
  | { kind: 'started'; name: string; call: string; startedMs: number }
  /** `item`: of an each, from 0. */
  | { kind: 'partial'; name: string; delta: string; item: number }
  | { kind: 'finished'; report: StepReport };

export interface RunResult {
  plan: Plan;
  /** CEL values of the outputs; an output that has none is missing. */
  output: Record<string, unknown>;
  /** One a step, as written. */
  reports: StepReport[];
  /** Steps without which it went on: "summary", "inner.step". */
  degraded: string[];
  usage: Usage;
  /** Calls that were answered, and whether all of them were from memory. */
  answers: number;
  cached: boolean;
  totalMs: number;
}

/** Rejects with a MeshError that names the step and keeps the code of what went wrong in it. */
export async function runPlan(options: RunOptions): Promise<RunResult> {
  return new Run(options).result();
}

type State =
  | { at: 'idle' } // only a fallback would need it
  | { at: 'waiting'; decided: boolean }
  | { at: 'running'; startedMs: number; tally: Tally }
  | { at: 'ended'; report: StepReport };

/** As a reader of steps; no step can be called so. */
const asReader = ({ name }: OutputField): string => `=${name}`;

class Run {
  readonly #options: RunOptions;
  readonly #plan: Plan;
  readonly #scope: Scope;
  readonly #startedMs: number;
  /** What runs now, by step: a signal each, which costs less than signals derived from one another. */
  readonly #open = new Map<string, Set<AbortController>>();
  #unlisten = (): void => {};
  readonly #states = new Map<string, State>();
  readonly #steps = new Map<string, PlanStep>();
  readonly #decisions = new Map<string, Decision>();
  /** Who needs the result of a step. */
  readonly #demands = new Map<string, Set<string>>();
  readonly #waiters = new Map<string, (() => void)[]>();
  /** Outputs that can still be made. */
  readonly #outputs: Set<OutputField>;
  readonly #usage: Usage = { texts: 0, inputTokens: 0, outputTokens: 0 };
  #answers = 0;
  #cached = true;
  readonly #degraded: string[] = [];
  #settled = false;
  #resolve: (result: RunResult) => void = () => {};
  #reject: (error: MeshError) => void = () => {};

  constructor(options: RunOptions) {
    this.#options = options;
    this.#plan = options.plan;
    this.#startedMs = options.startedMs ?? options.clock.monotonic();
    this.#scope = { input: acceptInput(options.plan, options.input), steps: new options.plan.stepsType.ctor() };
    this.#outputs = new Set(options.plan.outputs);
    for (const step of options.plan.steps) {
      this.#steps.set(step.name, step);
      this.#states.set(step.name, { at: 'idle' });
      this.#demands.set(step.name, new Set());
    }
  }

  result(): Promise<RunResult> {
    const { signal } = this.#options;
    return new Promise<RunResult>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const onAbort = (): void => this.#fail(abortReason(signal));
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#unlisten = () => signal.removeEventListener('abort', onAbort);
      for (const output of this.#plan.outputs)
        for (const name of output.needs) if (this.#outputs.has(output)) this.#demand(name, asReader(output));
      this.#finishIfDone();
    });
  }

  #now(): number {
    return this.#options.clock.monotonic() - this.#startedMs;
  }

  #demand(name: string, by: string): void {
    this.#demands.get(name)?.add(by);
    const step = this.#steps.get(name);
    if (!step || this.#state(name).at !== 'idle') return;
    this.#states.set(name, { at: 'waiting', decided: false });
    for (const need of step.needs) this.#demand(need, name);
    this.#advance(step);
  }

  #release(name: string, by: string): void {
    const demands = this.#demands.get(name);
    const state = this.#state(name);
    if (!demands?.delete(by) || demands.size > 0 || state.at === 'ended' || state.at === 'idle') return;
    const step = this.#steps.get(name) as PlanStep;
    if (state.at === 'running') {
      for (const controller of this.#open.get(name) ?? []) controller.abort(unneeded());
      this.#cancelled(step, state);
    } else this.#end(step, 'STEP_OUTCOME_SKIPPED', createTally());
  }

  /** It reports what it had come to; what it went on without is no loss of a result that nobody has. */
  #cancelled(step: PlanStep, { tally, startedMs }: State & { at: 'running' }): void {
    this.#end(step, 'STEP_OUTCOME_CANCELLED', { ...tally, degraded: [] }, undefined, startedMs);
  }

  #state(name: string): State {
    return this.#states.get(name) ?? { at: 'idle' };
  }

  #ended(name: string): boolean {
    return this.#state(name).at === 'ended';
  }

  /** True where one of these steps has ended without a result: who must read it need not wait for the others. */
  #lacks(names: readonly string[]): boolean {
    return names.some((name) => this.#ended(name) && this.#scope.steps[name] === undefined);
  }

  /** Takes a waiting step as far as it can go now. */
  #advance(step: PlanStep): void {
    const state = this.#state(step.name);
    if (this.#settled || state.at !== 'waiting') return;
    if (!state.decided) {
      if (this.#lacks(step.strictGate)) {
        this.#end(step, 'STEP_OUTCOME_SKIPPED', createTally());
        return;
      }
      if (!step.gate.every((name) => this.#ended(name))) return;
      let decision: Decision | undefined;
      try {
        decision = decide(step, this.#scope, this.#options.random);
      } catch (thrown) {
        this.#failed(step, createTally(), toMeshError(thrown), this.#now());
        return;
      }
      if (!decision) {
        this.#end(step, 'STEP_OUTCOME_SKIPPED', createTally());
        return;
      }
      state.decided = true;
      this.#decisions.set(step.name, decision);
      for (const need of step.needs)
        if (!decision.needs.includes(need) && !decision.standIn.includes(need)) this.#release(need, step.name);
    }
    const decision = this.#decisions.get(step.name) as Decision;
    if (this.#lacks(decision.strict)) this.#end(step, 'STEP_OUTCOME_SKIPPED', createTally());
    else if (decision.needs.every((name) => this.#ended(name))) void this.#execute(step, decision); // never rejects: its outcome becomes the step's state
  }

  async #execute(step: PlanStep, decision: Decision): Promise<void> {
    const startedMs = this.#now();
    const limit = this.#limitOf(step);
    const { controller, close } = this.#begin(step.name, limit);
    const tally = createTally();
    this.#states.set(step.name, { at: 'running', startedMs, tally });
    this.#emit({ kind: 'started', name: step.name, call: step.call, startedMs });
    let value: unknown;
    let error: MeshError | undefined;
    try {
      value = await this.#perform(step, decision, tally, limit, controller.signal);
    } catch (thrown) {
      error = toMeshError(thrown);
    }
    close();
    if (this.#ended(step.name) || this.#settled) return; // cancelled meanwhile, and reported
    if (!error) {
      if (value === undefined) return this.#end(step, 'STEP_OUTCOME_SKIPPED', tally, undefined, startedMs);
      this.#plan.budget.observe(step.name, this.#now() - startedMs);
      this.#scope.steps[step.name] = value;
      return this.#end(
        step,
        tally.fellBack ? 'STEP_OUTCOME_FALLBACK' : 'STEP_OUTCOME_OK',
        tally,
        tally.fellBack,
        startedMs,
      );
    }
    const ofItem = step.each?.itemTimeoutMs !== undefined && !controller.signal.aborted; // its error says so
    if (error.code === 'DEADLINE_EXCEEDED' && limit < this.#options.deadlineMs && !ofItem) {
      const why =
        step.timeoutMs === undefined
          ? 'left no time for the steps after it'
          : `did not end within its timeout of ${step.timeoutMs} ms`;
      error = new MeshError('DEADLINE_EXCEEDED', why, { cause: error });
    }
    await this.#standIn(step, tally, error, startedMs);
  }

  /** Fallbacks that hold for the whole step: another step's result, or none. */
  async #standIn(step: PlanStep, tally: Tally, error: MeshError, startedMs: number): Promise<void> {
    if (step.fallback?.kind === 'step') {
      const other = step.fallback.step;
      this.#demand(other, step.name);
      await this.#untilEnded(other);
      if (this.#settled || this.#ended(step.name)) return;
      const value = this.#scope.steps[other];
      if (value !== undefined) {
        this.#scope.steps[step.name] = value;
        tally.degraded.push('');
        return this.#end(step, 'STEP_OUTCOME_FALLBACK', tally, error, startedMs);
      }
    }
    this.#failed(step, tally, error, startedMs);
  }

  #failed(step: PlanStep, tally: Tally, error: MeshError, startedMs: number): void {
    if (step.fallback?.kind === 'skip' && !this.#options.signal.aborted) {
      tally.degraded.push('');
      this.#end(step, 'STEP_OUTCOME_FAILED', tally, error, startedMs);
      return;
    }
    this.#end(step, 'STEP_OUTCOME_FAILED', tally, error, startedMs, true);
    this.#fail(inStep(step.name, error));
  }

  /** A signal for something that runs: aborted at `limitMs`, or when the run ends. The whole deadline is the caller's signal. */
  #begin(name: string, limitMs: number): { controller: AbortController; close: () => void } {
    const { clock, deadlineMs } = this.#options;
    const controller = new AbortController();
    const open = this.#open.get(name) ?? new Set();
    this.#open.set(name, open.add(controller));
    const cancel =
      limitMs < deadlineMs
        ? clock.after(limitMs - clock.now(), () =>
            controller.abort(new MeshError('DEADLINE_EXCEEDED', 'the time of the step is up')),
          )
        : undefined;
    return {
      controller,
      close: () => {
        cancel?.();
        open.delete(controller);
      },
    };
  }

  /** The step's timeout, and the whole deadline less what the steps after it are known to need. */
  #limitOf(step: PlanStep): number {
    const { clock, deadlineMs } = this.#options;
    const now = clock.now();
    const shared = deadlineMs - reserveAfter(this.#plan, step.name, deadlineMs - now);
    return step.timeoutMs === undefined ? shared : Math.min(shared, now + step.timeoutMs);
  }

  #perform(
    step: PlanStep,
    { branch, items }: Decision,
    tally: Tally,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const once = (scope: Scope, limitMs: number, inner: AbortSignal): Promise<unknown> => {
      const leaf = branch ?? chooseBranch(step.action, scope, this.#options.random);
      if (!leaf) return Promise.reject(new MeshError('STEP_FAILED', 'no branch of the switch holds'));
      return this.#once(step, leaf, scope, tally, limitMs, inner);
    };
    if (!items) return once(this.#scope, deadlineMs, signal);
    tally.items = items.length;
    const each = async (item: unknown, index: number, inner: AbortSignal): Promise<unknown> => {
      try {
        const limits = { clock: this.#options.clock, timeoutMs: step.each?.itemTimeoutMs, deadlineMs, signal: inner };
        return await limited(limits, (limitMs, own) =>
          once({ ...this.#scope, item, index: BigInt(index) }, limitMs, own),
        );
      } catch (thrown) {
        // What stands in for other items has signals of its own.
        for (const controller of this.#open.get(step.name) ?? [])
          if (controller.signal !== signal) controller.abort(new MeshError('CANCELLED', 'another item failed'));
        throw inItem(index, toMeshError(thrown));
      }
    };
    return mapBounded(items, step.each?.parallel ?? 1, signal, each);
  }

  /** One item of a step, its fallback to another model or action included. */
  async #once(
    step: PlanStep,
    leaf: Leaf,
    scope: Scope,
    tally: Tally,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    try {
      return await this.#leaf(step, leaf, scope, tally, deadlineMs, signal);
    } catch (thrown) {
      const { fallback } = step;
      const error = toMeshError(thrown);
      const over = (): boolean =>
        this.#settled || this.#ended(step.name) || (signal.aborted && abortReason(signal).code !== 'DEADLINE_EXCEEDED');
      if (over() || (fallback?.kind !== 'model' && fallback?.kind !== 'action')) throw error;
      if (fallback.kind === 'action') {
        const { refs } = fallback.action;
        await Promise.all(stepRefs(refs).map((name) => this.#untilEnded(name)));
        if (over() || absent(refs, scope)) throw error;
      }
      // The step's own time may be used up; what stands in has what is left of the whole.
      const { deadlineMs: wholeMs } = this.#options;
      const { controller, close } = this.#begin(step.name, wholeMs);
      try {
        const value =
          fallback.kind === 'action'
            ? await this.#leaf(
                { ...step, retry: undefined, hedgeMs: undefined },
                fallback.action,
                scope,
                tally,
                wholeMs,
                controller.signal,
              )
            : await this.#leaf(step, leaf, scope, tally, wholeMs, controller.signal, fallback.model);
        tally.fellBack ??= error;
        tally.degraded.push('');
        return value;
      } catch {
        throw error; // the first failure says more than that of its stand-in
      } finally {
        close();
      }
    }
  }

  async #leaf(
    step: PlanStep,
    leaf: Leaf,
    scope: Scope,
    tally: Tally,
    deadlineMs: number,
    signal: AbortSignal,
    model?: string,
  ): Promise<unknown> {
    const { upstream, clock, random, metadata } = this.#options;
    const item = Number(scope.index ?? 0);
    const onDelta = (delta: string): void => this.#emit({ kind: 'partial', name: step.name, delta, item });
    switch (leaf.kind) {
      case 'value':
        return leaf.value.evaluate(scope);
      case 'call':
        return callWithRetries(
          leaf,
          step,
          scope,
          { upstream, clock, random, metadata, deadlineMs, signal, onDelta },
          tally,
          model,
        );
      case 'pipeline':
        return this.#inner(step, leaf, scope, tally, deadlineMs, signal);
    }
  }

  /** Another pipeline. What its steps do is told as it happens, and kept in the report also where it fails or is cancelled. */
  async #inner(
    step: PlanStep,
    leaf: PipelineAction,
    scope: Scope,
    tally: Tally,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const at = scope.index === undefined ? step.name : `${step.name}[${scope.index}]`;
    const input: Record<string, unknown> = {};
    for (const [name, value] of leaf.with) input[name] = value.evaluate(scope);
    const inner = await runPlan({
      ...this.#options,
      plan: leaf.plan,
      input,
      deadlineMs,
      signal,
      startedMs: this.#startedMs,
      onEvent: (event) => {
        if (event.kind !== 'finished') return this.#emit({ ...event, name: `${at}.${event.name}` });
        const { report } = event;
        if (!report.name.includes('.')) addInner(tally, at, report); // those further below are in it
        this.#emit({ kind: 'finished', report: { ...report, name: `${at}.${report.name}` } });
      },
    });
    addUsage(tally.usage, inner.usage);
    tally.degraded.push(...inner.degraded);
    tally.answers += inner.answers;
    tally.cached &&= inner.cached;
    return inner.output;
  }

  #end(
    step: PlanStep,
    outcome: StepReport['outcome'],
    tally: Tally,
    problem?: MeshError,
    startedMs = this.#now(),
    fatal = false,
  ): void {
    const report: StepReport = {
      name: step.name,
      call: step.call,
      outcome,
      model: tally.model,
      attempts: attemptsSoFar(tally),
      cached: tally.answers > 0 && tally.cached,
      startedMs,
      durationMs: this.#now() - startedMs,
      timings: tally.timings,
      problem,
      items: tally.items,
      inner: tally.inner.sort((a, b) => a.startedMs - b.startedMs),
    };
    this.#states.set(step.name, { at: 'ended', report });
    addUsage(this.#usage, tally.usage);
    this.#answers += tally.answers;
    this.#cached &&= tally.cached;
    for (const inner of tally.degraded) {
      const name = inner === '' ? step.name : `${step.name}.${inner}`;
      if (!this.#degraded.includes(name)) this.#degraded.push(name);
    }
    this.#emit({ kind: 'finished', report });
    for (const wake of this.#waiters.get(step.name) ?? []) wake();
    for (const need of step.needs) this.#release(need, step.name);
    if (step.fallback?.kind === 'step') this.#release(step.fallback.step, step.name);
    if (fatal || this.#settled) return; // the run ends with it: nobody may go on as if it had been skipped
    for (const reader of this.#plan.steps) if (reader.needs.includes(step.name)) this.#advance(reader);
    for (const output of this.#outputs) {
      if (!this.#lacks(output.strict)) continue;
      this.#outputs.delete(output);
      for (const need of output.needs) this.#release(need, asReader(output));
    }
    this.#finishIfDone();
  }

  #untilEnded(name: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended(name)) return resolve();
      const waiting = this.#waiters.get(name) ?? [];
      waiting.push(resolve);
      this.#waiters.set(name, waiting);
    });
  }

  #finishIfDone(): void {
    if (this.#settled) return;
    for (const { needs } of this.#outputs) if (!needs.every((name) => this.#ended(name))) return;
    const output = new this.#plan.outputType.ctor();
    try {
      for (const { name, value } of this.#outputs) {
        const made = value.evaluate(this.#scope);
        if (made !== undefined) output[name] = made;
      }
    } catch (thrown) {
      this.#fail(toMeshError(thrown));
      return;
    }
    const reports = this.#reports();
    this.#resolve({
      plan: this.#plan,
      output,
      reports,
      degraded: this.#degraded,
      usage: this.#usage,
      answers: this.#answers,
      cached: this.#cached,
      totalMs: this.#now(),
    });
  }

  #fail(error: MeshError): void {
    if (this.#settled) return;
    this.#reports(error);
    this.#reject(error);
  }

  /** Ends what is still open and tells of every step. */
  #reports(reason?: MeshError): StepReport[] {
    this.#settled = true;
    // First, so that pipelines that are steps tell of theirs before they are told of.
    for (const open of this.#open.values()) for (const controller of open) controller.abort(reason ?? unneeded());
    this.#open.clear();
    for (const step of this.#plan.steps) {
      const state = this.#state(step.name);
      if (state.at === 'running') this.#cancelled(step, state);
      else if (state.at === 'waiting') this.#end(step, 'STEP_OUTCOME_CANCELLED', createTally());
      else if (state.at === 'idle') this.#end(step, 'STEP_OUTCOME_SKIPPED', createTally());
    }
    this.#unlisten();
    return this.#plan.steps.flatMap(({ name }) => {
      const state = this.#state(name);
      return state.at === 'ended' ? [state.report] : [];
    });
  }

  #emit(event: RunEvent): void {
    this.#options.onEvent?.(event);
  }
}

function unneeded(): MeshError {
  return new MeshError('CANCELLED', 'nobody needs the result any more');
}
