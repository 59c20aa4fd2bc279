/** What a step does and what stands in for it, compiled: one action, a switch, a split; a fallback; and options that fit them. */
import type { DescMessage } from '@bufbuild/protobuf';
import { type ActionPlace, compileAction, compileConstant } from './action.js';
import { compileCondition } from './condition.js';
import { compileAt } from './place.js';
import { type Action, type CallAction, type Fallback, type Leaf, leaves } from './plan.js';
import type { ActionDefinition, FallbackDefinition, StepDefinition } from './schema.js';
import type { Path } from './source.js';
import { assignable, celName } from './value.js';

export function compileStepAction(place: ActionPlace, given: StepDefinition, path: Path): Action | undefined {
  const kinds = (['call', 'pipeline', 'value', 'switch', 'split'] as const).filter((kind) => kind in given);
  if (kinds.length !== 1) {
    const message =
      kinds.length === 0
        ? 'needs one of call, pipeline, value, switch, split'
        : `has ${kinds.join(' and ')}; only one can be`;
    const suggestion = kinds.length === 0 ? 'write call: embed.Embed, for example' : 'make two steps of it';
    problem(place, path, message, { key: true, suggestion });
    return undefined;
  }
  if (given.switch) return compileSwitch(place, given.switch, given.each !== undefined, path);
  if (given.split) return compileSplit(place, given, path);
  return compileAction(place, given, path);
}

function compileSwitch(
  place: ActionPlace,
  given: NonNullable<StepDefinition['switch']>,
  inEach: boolean,
  path: Path,
): Action | undefined {
  const branches = given.map((branch, index) => {
    const at = [...path, 'switch', index];
    if (branch.when === undefined && index < given.length - 1)
      problem(place, at, 'a branch without a condition must stand last: those after it are never taken', {
        suggestion: 'move it to the end, or give it a when',
      });
    const when = branch.when === undefined ? undefined : compileCondition(place, branch.when, [...at, 'when']);
    return { when, action: compileAction(place, branch, at), at };
  });
  if (inEach && given.at(-1)?.when !== undefined)
    problem(
      place,
      [...path, 'switch'],
      'inside an each the last branch must have no condition: every item needs a result',
      { key: true, suggestion: 'add a branch without when at the end' },
    );
  const type = sameType(place, branches);
  if (type === undefined) return undefined;
  return {
    kind: 'switch',
    label: 'switch',
    branches: branches.map(({ when, action }) => ({ when, action: action as NonNullable<typeof action> })),
    type,
  };
}

function compileSplit(place: ActionPlace, given: StepDefinition, path: Path): Action | undefined {
  const by = given.split_by === undefined ? undefined : compileAt(place, given.split_by, [...path, 'split_by']);
  const branches = (given.split ?? []).map((branch, index) => {
    const at = [...path, 'split', index];
    return { weight: branch.weight, action: compileAction(place, branch, at), at };
  });
  if (!branches.some(({ weight }) => weight > 0))
    problem(place, [...path, 'split'], 'at least one weight must be above 0', { suggestion: 'write weight: 1' });
  const type = sameType(place, branches);
  if (type === undefined) return undefined;
  return {
    kind: 'split',
    label: 'split',
    by,
    branches: branches.map(({ weight, action }) => ({ weight, action: action as NonNullable<typeof action> })),
    type,
  };
}

function sameType(
  place: ActionPlace,
  branches: readonly { action: { type: string } | undefined; at: Path }[],
): string | undefined {
  const first = branches[0]?.action?.type;
  for (const { action, at } of branches) {
    if (!action || first === undefined) return undefined;
    if (action.type !== first) {
      problem(place, at, `the branches must give the same type: this gives ${action.type}, the first ${first}`, {
        key: true,
        suggestion: 'give the same in all of them, or make steps of them, each with its when',
      });
      return undefined;
    }
  }
  return first;
}

/** What stands in where the step fails; `typeOf` is the type of another step. */
export function compileFallback(
  place: ActionPlace,
  typeOf: (step: string) => string | undefined,
  given: StepDefinition,
  path: Path,
  action: Action,
  type: string,
  answer: DescMessage | undefined,
): Fallback | undefined {
  if (given.fallback === undefined) return undefined;
  if (given.fallback === 'skip') return { kind: 'skip' };
  const fallback: FallbackDefinition = given.fallback;
  const at = [...path, 'fallback'];
  const kinds = (['call', 'pipeline', 'value', 'model', 'step'] as const).filter((kind) => kind in fallback);
  if (kinds.length !== 1) {
    problem(
      place,
      at,
      kinds.length === 0
        ? 'needs one of call, pipeline, value, model, step'
        : `has ${kinds.join(' and ')}; only one can be`,
      { key: true, suggestion: 'or write fallback: skip' },
    );
    return undefined;
  }
  if (fallback.model !== undefined) {
    if (!leaves(action).some(({ kind }) => kind === 'call'))
      problem(place, [...at, 'model'], 'only a call has a model', {
        key: true,
        suggestion: 'write fallback: {value: ...}, {step: ...} or skip',
      });
    return { kind: 'model', model: fallback.model };
  }
  if (fallback.step !== undefined) {
    const other = typeOf(fallback.step);
    if (other === undefined) return undefined;
    if (celName(type) !== other)
      problem(place, [...at, 'step'], `steps.${fallback.step} is ${other}, the step gives ${type}`, {
        suggestion: 'a fallback must give what the step gives',
      });
    return { kind: 'step', step: fallback.step };
  }
  const constant = 'value' in fallback;
  const standIn = constant
    ? compileConstant(place, answer, action.type, fallback.value, [...at, 'value'])
    : compileAction(place, fallback as ActionDefinition, at);
  if (!standIn) return undefined;
  if (standIn.type !== action.type && !(constant && assignable(standIn.type, action.type))) {
    problem(place, constant ? [...at, 'value'] : at, `the fallback gives ${standIn.type}, the step ${action.type}`, {
      key: !constant,
      suggestion: 'a fallback must give what the step gives',
    });
  }
  return { kind: 'action', action: standIn };
}

/** Options that would do nothing are mistakes. */
export function checkOptions(place: ActionPlace, given: StepDefinition, path: Path, action: Action | undefined): void {
  const refuse = (key: string, why: string, suggestion = `take ${key} out`): void =>
    problem(place, [...path, key], why, { key: true, suggestion });
  if (given.each === undefined)
    for (const key of ['parallel', 'max_items', 'item_timeout'] as const)
      if (given[key] !== undefined) refuse(key, 'needs an each');
  if (given.split_by !== undefined && !given.split) refuse('split_by', 'needs a split');
  if (given.with && (given.switch || given.split)) refuse('with', 'belongs under each branch', 'move it there');
  if (given.optional && given.fallback !== undefined)
    refuse('optional', 'an optional step needs no fallback: say one of them');
  if (
    given.cache !== undefined &&
    [given, ...(given.switch ?? []), ...(given.split ?? [])].some((at) => samples(at.with))
  )
    refuse('cache', 'would give one random answer to all who ask', 'take it out, or give a seed beside do_sample');
  if (!action) return;
  const parts = leaves(action);
  if (parts.every(({ kind }) => kind === 'value'))
    for (const key of ['timeout', 'retry'] as const) if (given[key] !== undefined) refuse(key, 'a value makes no call');
  if (given.retry !== undefined && parts.some(isPipeline) && !parts.some(isCall))
    refuse('retry', 'a pipeline is not run again as a whole', 'give retry to its steps');
  for (const key of ['hedge', 'cache'] as const) {
    if (given[key] !== undefined && !parts.some((leaf) => isCall(leaf) && !leaf.stream))
      refuse(key, 'only a call without a stream can have it');
  }
}

/** True where a request asks for sampling without saying from which seed: its answers differ. */
function samples(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return false;
  if ('do_sample' in data && data.do_sample !== false && !('seed' in data)) return true;
  return Object.values(data).some(samples);
}

const isCall = (leaf: Leaf): leaf is CallAction => leaf.kind === 'call';
const isPipeline = (leaf: Leaf): boolean => leaf.kind === 'pipeline';

function problem(
  place: ActionPlace,
  path: Path,
  message: string,
  options: { key?: boolean; suggestion?: string } = {},
): void {
  place.problems.push(place.source.problem(path, message, options));
}
