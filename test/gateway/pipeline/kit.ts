/** Builds and runs a pipeline from its text. */
import assert from 'node:assert/strict';
import { type Clock, systemClock } from '../../../chassis/clock.js';
import {
  type CallUpstream,
  createLibrary,
  type Plan,
  type Problem,
  type RunEvent,
  type RunResult,
  runPlan,
  toPlain,
} from '../../../gateway/pipeline/index.js';

/** The plan of a definition that must be right; further files may be called by it. */
export function planOf(yaml: string, others: Record<string, string> = {}): Plan {
  const library = createLibrary();
  const problems = library.install(new Map([...Object.entries(others), ['test.yaml', yaml]]));
  assert.deepEqual(problems, []);
  const plan = library.list().find(({ file }) => file === 'test.yaml');
  assert.ok(plan);
  return plan;
}

/** What is wrong with a definition. */
export function problemsOf(yaml: string, others: Record<string, string> = {}): Problem[] {
  const library = createLibrary();
  return library
    .install(new Map([...Object.entries(others), ['test.yaml', yaml]]))
    .filter(({ file }) => file === 'test.yaml');
}

export interface Ran {
  result: RunResult;
  output: Record<string, unknown>;
  outcomes: Record<string, string>;
}

export async function run(
  plan: Plan,
  upstream: CallUpstream,
  input: Record<string, unknown> = {},
  options: {
    clock?: Clock;
    deadlineMs?: number;
    signal?: AbortSignal;
    random?: () => number;
    onEvent?: (event: RunEvent) => void;
  } = {},
): Promise<Ran> {
  const clock = options.clock ?? systemClock;
  const result = await runPlan({
    plan,
    input,
    upstream,
    clock,
    random: options.random ?? (() => 0.5),
    metadata: { 'x-request-id': 'test' },
    deadlineMs: options.deadlineMs ?? clock.now() + 60_000,
    signal: options.signal ?? new AbortController().signal,
    ...(options.onEvent && { onEvent: options.onEvent }),
  });
  const outcomes = Object.fromEntries(
    result.reports.map(({ name, outcome }) => [name, outcome.replace('STEP_OUTCOME_', '')]),
  );
  return { result, output: toPlain(result.output) as Record<string, unknown>, outcomes };
}
