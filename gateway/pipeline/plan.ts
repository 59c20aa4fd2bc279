/**
 * A checked pipeline: a typed graph of steps, ready to run. Made by check.ts, run by run.ts, printed by explain.ts. A plan
 * never changes after it was made; a run keeps the plan it began with, whatever is loaded meanwhile.
 */
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import type { Budget } from './budget.js';
import type { Reference, Value } from './expression.js';
import type { RequestBuilder } from './request.js';
import type { RecordType } from './types.js';

export interface InputField {
  name: string;
  /** string, double, bool, int or list<...>. */
  type: string;
  required: boolean;
  /** CEL value where the caller gives none; undefined for none. */
  default: unknown;
  description: string;
}

export interface OutputField {
  name: string;
  type: string;
  /** False where it may be missing from an answer. */
  required: boolean;
  value: Value;
  /** Steps it reads. */
  needs: readonly string[];
  /** Steps without whose result it is left out. */
  strict: readonly string[];
}

export interface CallAction {
  kind: 'call';
  /** "embed". */
  capability: string;
  /** "plexus.v1.Embed/Embed". */
  method: string;
  /** "embed.Embed". */
  label: string;
  /** What the step's result is. */
  answer: DescMessage;
  /** For a streaming method: its events, of which `done` is the answer and `delta` text to pass on. */
  stream: { event: DescMessage; delta: DescField; done: DescField } | undefined;
  request: RequestBuilder;
  refs: readonly Reference[];
  type: string;
}

export interface PipelineAction {
  kind: 'pipeline';
  label: string;
  plan: Plan;
  with: readonly [string, Value][];
  refs: readonly Reference[];
  type: string;
}

export interface ValueAction {
  kind: 'value';
  label: string;
  value: Pick<Value, 'evaluate' | 'text'>;
  refs: readonly Reference[];
  type: string;
}

export type Leaf = CallAction | PipelineAction | ValueAction;

export interface SwitchAction {
  kind: 'switch';
  label: string;
  branches: readonly { when: Value | undefined; action: Leaf }[];
  type: string;
}

export interface SplitAction {
  kind: 'split';
  label: string;
  by: Value | undefined;
  branches: readonly { weight: number; action: Leaf }[];
  type: string;
}

export type Action = Leaf | SwitchAction | SplitAction;

export type Fallback =
  | { kind: 'skip' }
  | { kind: 'model'; model: string }
  | { kind: 'step'; step: string }
  | { kind: 'action'; action: Leaf };

export interface PlanStep {
  name: string;
  /** Place in the file, from 0. */
  index: number;
  /** "embed.Embed", "pipeline:name", "value", "switch", "split". */
  call: string;
  action: Action;
  /** CEL type of `steps.name`. */
  type: string;
  when: Value | undefined;
  each: { over: Value; parallel: number; itemsMax: number; itemTimeoutMs: number | undefined } | undefined;
  after: readonly string[];
  /** Steps that must have ended before it is known whether, over what and with which branch it runs. */
  gate: readonly string[];
  /** Those of them without whose result it is skipped. */
  strictGate: readonly string[];
  /** All steps it may read, `after` and every branch included. */
  needs: readonly string[];
  /** True where it has no result in some runs that succeed. */
  mayBeAbsent: boolean;
  /** True where it runs only when a fallback asks for it. */
  lazy: boolean;
  timeoutMs: number | undefined;
  retry: { attempts: number; backoffMs: number } | undefined;
  hedgeMs: number | undefined;
  cacheMs: number | undefined;
  fallback: Fallback | undefined;
}

export interface Plan {
  name: string;
  version: string;
  description: string;
  file: string;
  /** The definition as it was written. */
  yaml: string;
  inputs: readonly InputField[];
  outputs: readonly OutputField[];
  inputType: RecordType;
  stepsType: RecordType;
  outputType: RecordType;
  /** As written. */
  steps: readonly PlanStep[];
  /** Pipelines below it: 0 where no step is one. */
  depth: number;
  /** Learned times of the steps, for sharing out the deadline. */
  budget: Budget;
}

/** Steps whose absence leaves the reader without what it reads. */
export function strictRefs(refs: readonly Reference[]): string[] {
  return [...new Set(refs.filter(({ root, guarded }) => root === 'steps' && !guarded).map(({ name }) => name))];
}

export function stepRefs(refs: readonly Reference[]): string[] {
  return [...new Set(refs.filter(({ root }) => root === 'steps').map(({ name }) => name))];
}

/** The leaves of an action: itself, or its branches. */
export function leaves(action: Action): readonly Leaf[] {
  return action.kind === 'switch' || action.kind === 'split'
    ? action.branches.map((branch) => branch.action)
    : [action];
}
