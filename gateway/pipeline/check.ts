/**
 * A definition -> a plan, or everything that is wrong with it, each with its place and what to write instead. In order: form,
 * names, cycles, types against the protos, reachability. A step that is wrong is left out of what follows, so that one
 * mistake is one problem.
 */
import type { DescMessage } from '@bufbuild/protobuf';
import { didYouMean, nearest } from '../nearest.js';
import { type ActionPlace, answerOf, findMethod, type Resolve } from './action.js';
import { checkOptions, compileFallback, compileStepAction } from './branches.js';
import { createBudget } from './budget.js';
import { compileCondition } from './condition.js';
import { type Reference, references, type Value } from './expression.js';
import { order, reachable } from './graph.js';
import { readDefaults, readInputs } from './inputs.js';
import { instead } from './instead.js';
import { compileAt } from './place.js';
import {
  type Action,
  type InputField,
  leaves,
  type OutputField,
  type Plan,
  type PlanStep,
  stepRefs,
  strictRefs,
} from './plan.js';
import { type Definition, durationMs, EACH_MAX, readDefinition, STEPS_MAX, type StepDefinition } from './schema.js';
import type { Path, Problem, Source } from './source.js';
import { createRecordType, environmentFor, type RecordType } from './types.js';
import { celName, compileValue, itemType } from './value.js';

const PARALLEL_DEFAULT = 4;
const BACKOFF_DEFAULT_MS = 50;

export type Checked = { plan: Plan; problems: [] } | { plan: undefined; problems: Problem[] };

/** A step as it was written, and where. */
interface Named {
  name: string;
  given: StepDefinition;
  path: Path;
}

export function checkPipeline(source: Source, resolve: Resolve): Checked {
  if (source.problems.length > 0) return { plan: undefined, problems: [...source.problems] };
  const form = readDefinition(source);
  if ('problems' in form) return { plan: undefined, problems: form.problems };
  return new Check(source, form.definition, resolve).run();
}

class Check {
  readonly #source: Source;
  readonly #definition: Definition;
  readonly #resolve: Resolve;
  readonly #problems: Problem[] = [];
  #named: Named[] = [];
  #inputs: InputField[] = [];
  #inputType: RecordType = createRecordType('pipeline.Input', {});
  readonly #types = new Map<string, string>();
  /** Steps whose result is one decoded answer. */
  readonly #answers = new Map<string, DescMessage>();
  readonly #records = new Map<string, RecordType>();
  readonly #refs = new Map<string, Reference[]>();
  /** Steps that a name which does not exist was most likely meant to be: they are read, by mistake under another name. */
  readonly #meant = new Set<string>();
  readonly #unknown = { steps: new Set<string>(), input: new Set<string>() };
  readonly #stepsCtor = createRecordType('pipeline.Steps', {}).ctor;

  constructor(source: Source, definition: Definition, resolve: Resolve) {
    this.#source = source;
    this.#definition = definition;
    this.#resolve = resolve;
  }

  run(): Checked {
    this.#named = this.#nameSteps();
    this.#inputs = readInputs(this.#source, this.#definition, this.#problems);
    const fields = Object.fromEntries(this.#inputs.map(({ name, type }) => [name, type]));
    this.#inputType = createRecordType('pipeline.Input', fields);
    readDefaults(this.#source, this.#definition, this.#inputs, this.#problems);

    const edges = this.#edges();
    const outputRefs = this.#readRefs(this.#definition.output, ['output']);
    const sorted = order(edges);
    if ('cycle' in sorted) {
      const [first] = sorted.cycle;
      const at = this.#named.find(({ name }) => name === first)?.path ?? ['steps'];
      this.#problem(at, `steps wait for each other: ${sorted.cycle.join(' -> ')}`, {
        key: true,
        suggestion: 'take one of these references out',
      });
      return { plan: undefined, problems: this.#problems };
    }

    const steps = new Map<string, PlanStep>();
    for (const name of sorted.sorted) {
      const step = this.#named.find((each) => each.name === name);
      const compiled = step && this.#compileStep(step, edges.get(name) ?? []);
      if (compiled) steps.set(name, compiled);
    }
    const outputs = this.#compileOutputs();
    this.#reach(edges, outputRefs);
    if (this.#problems.length > 0) return { plan: undefined, problems: sortProblems(this.#problems) };

    const planned = this.#named.map(({ name }) => steps.get(name) as PlanStep);
    this.#markAbsent(planned, sorted.sorted);
    this.#markLazy(planned, outputRefs);
    for (const output of outputs) {
      const absent = output.strict.some((name) => steps.get(name)?.mayBeAbsent);
      const missing = output.value.refs.some(
        ({ root, name, guarded }) => root === 'input' && !guarded && this.#mayMiss(name),
      );
      output.required = !absent && !missing;
    }
    const { name, version, description = '' } = this.#definition;
    const typeName = `pipelines.${name}_${version}`.replace(/[^a-zA-Z0-9_.]/g, '_');
    const plan: Plan = {
      name,
      version: String(version),
      description,
      file: this.#source.file,
      yaml: this.#source.text,
      inputs: this.#inputs,
      outputs,
      inputType: this.#inputType,
      stepsType: { name: 'pipeline.Steps', fields: Object.fromEntries(this.#types), ctor: this.#stepsCtor },
      outputType: createRecordType(
        typeName,
        Object.fromEntries(outputs.map((output) => [output.name, celName(output.type)])),
      ),
      steps: planned,
      depth: Math.max(
        0,
        ...planned
          .flatMap(({ action }) => leaves(action))
          .map((leaf) => (leaf.kind === 'pipeline' ? leaf.plan.depth + 1 : 0)),
      ),
      budget: createBudget(),
    };
    return { plan, problems: [] };
  }

  #problem(path: Path, message: string, options: { key?: boolean; suggestion?: string; offset?: number } = {}): void {
    this.#problems.push(this.#source.problem(path, message, options));
  }

  #mayMiss(input: string): boolean {
    const field = this.#inputs.find(({ name }) => name === input);
    return field !== undefined && !field.required && field.default === undefined;
  }

  /** Steps in one form, whether they were written as a map or as a list. */
  #nameSteps(): Named[] {
    const { steps } = this.#definition;
    const named: Named[] = [];
    if (Array.isArray(steps)) {
      for (const [index, given] of steps.entries()) {
        const path = ['steps', index];
        if (!given.name) this.#problem(path, 'needs a name: the steps are a list', { suggestion: 'add name: to it' });
        else if (named.some(({ name }) => name === given.name))
          this.#problem([...path, 'name'], `two steps are called "${given.name}"`, {
            suggestion: 'give one of them another name',
          });
        else named.push({ name: given.name, given, path });
      }
    } else {
      for (const [name, given] of Object.entries(steps)) {
        if (given.name !== undefined && given.name !== name)
          this.#problem(['steps', name, 'name'], `the step is called "${name}" already`, {
            suggestion: 'take name out',
          });
        named.push({ name, given, path: ['steps', name] });
      }
    }
    if (named.length > STEPS_MAX)
      this.#problem(['steps'], `has ${named.length} steps; at most ${STEPS_MAX} are allowed`, {
        suggestion: 'move some into a pipeline of their own',
      });
    return named;
  }

  /** What each step waits for; a fallback's step is no reason to wait. */
  #edges(): Map<string, string[]> {
    const edges = new Map<string, string[]>();
    const known = this.#named.map(({ name }) => name);
    const near = (name: string, self: string): string => {
      const others = known.filter((each) => each !== self);
      return (
        didYouMean(name, others) || (others.length > 0 ? `there are ${others.join(', ')}` : 'there is no other step')
      );
    };
    for (const { name, given, path } of this.#named) {
      const refs = this.#readRefs({ ...given, name: undefined, description: undefined, after: undefined }, path);
      this.#refs.set(name, refs);
      for (const [index, after] of (given.after ?? []).entries()) {
        if (!known.includes(after))
          this.#problem([...path, 'after', index], `there is no step "${after}"`, {
            suggestion: near(after, name),
          });
      }
      const { fallback } = given;
      const standIn = typeof fallback === 'object' ? fallback.step : undefined;
      if (standIn !== undefined && !known.includes(standIn))
        this.#problem([...path, 'fallback', 'step'], `there is no step "${standIn}"`, {
          suggestion: near(standIn, name),
        });
      edges.set(
        name,
        [...new Set([...stepRefs(refs), ...(given.after ?? []), ...(standIn === undefined ? [] : [standIn])])].filter(
          (each) => known.includes(each),
        ),
      );
    }
    return edges;
  }

  /** References of every text below a path. Unknown names are reported here; bad syntax when the text is compiled. */
  #readRefs(data: unknown, path: Path): Reference[] {
    if (typeof data === 'string') {
      let refs: Reference[];
      try {
        refs = references(data);
      } catch {
        return [];
      }
      for (const { root, name, offset } of refs) {
        const known = root === 'steps' ? this.#named.map((step) => step.name) : Object.keys(this.#inputType.fields);
        if (known.includes(name)) continue;
        this.#unknown[root].add(name);
        const meant = root === 'steps' ? nearest(name, known) : undefined;
        if (meant !== undefined) this.#meant.add(meant);
        const kind = root === 'steps' ? 'step' : 'input';
        const suggestion = didYouMean(name, known) || (known.length > 0 ? `there are ${known.join(', ')}` : '');
        this.#problem(path, `there is no ${kind} "${name}"`, { offset, suggestion });
      }
      return refs;
    }
    if (Array.isArray(data)) return data.flatMap((item, index) => this.#readRefs(item, [...path, index]));
    if (typeof data !== 'object' || data === null) return [];
    return Object.entries(data).flatMap(([key, value]) => this.#readRefs(value, [...path, key]));
  }

  #place(item?: string): ActionPlace {
    // Names that do not exist were reported where they stand; here they may be anything, so that the rest is checked too.
    const unknown = (root: Reference['root']): [string, string][] =>
      [...this.#unknown[root]].map((name) => [name, 'dyn']);
    const steps: RecordType = {
      name: 'pipeline.Steps',
      fields: Object.fromEntries([...unknown('steps'), ...this.#types]),
      ctor: this.#stepsCtor,
    };
    const fields = { ...Object.fromEntries(unknown('input')), ...this.#inputType.fields };
    const input: RecordType = { ...this.#inputType, fields };
    const env = environmentFor({ input, steps, records: [...this.#records.values()], item });
    return {
      source: this.#source,
      env,
      problems: this.#problems,
      resolve: this.#resolve,
      answers: (step) => this.#answers.get(step),
    };
  }

  #compileStep({ name, given, path }: Named, needs: readonly string[]): PlanStep | undefined {
    const refs = this.#refs.get(name) ?? [];
    const before = this.#problems.length;
    const outer = this.#place();
    const when = given.when === undefined ? undefined : compileCondition(outer, given.when, [...path, 'when']);
    const over = given.each === undefined ? undefined : compileAt(outer, given.each, [...path, 'each']);
    const item = over && itemType(over.type);
    if (over && item === undefined && over.type !== 'dyn')
      this.#problem([...path, 'each'], `must be a list, is ${over.type}`, {
        suggestion: over.ast ? instead(outer.env, over, 'list', given.each) : `write "\${${given.each}}"`,
      });
    const place = given.each === undefined ? outer : this.#place(item ?? 'dyn');
    const action = compileStepAction(place, given, path);
    checkOptions(place, given, path, action);
    if (!action) {
      this.#guessType(name, given);
      return undefined;
    }
    this.#remember(action);
    const type = given.each === undefined ? action.type : `list<${action.type}>`;
    this.#types.set(name, celName(type));
    const [first] = leaves(action);
    const answer = first?.kind === 'call' ? first.answer : undefined;
    if (answer && given.each === undefined) this.#answers.set(name, answer);
    const fallback = given.optional
      ? ({ kind: 'skip' } as const)
      : compileFallback(place, (step) => this.#types.get(step), given, path, action, type, answer);
    if (fallback?.kind === 'action') this.#remember(fallback.action);
    if (this.#problems.length > before) return undefined;
    const retry = typeof given.retry === 'number' ? { attempts: given.retry } : given.retry;
    const gateRefs: Reference[] = [...(when?.refs ?? []), ...(over?.refs ?? [])];
    const strictGate = strictRefs(gateRefs);
    if (action.kind === 'switch') for (const branch of action.branches) gateRefs.push(...(branch.when?.refs ?? []));
    if (action.kind === 'split') gateRefs.push(...(action.by?.refs ?? []));
    return {
      name,
      index: this.#named.findIndex((each) => each.name === name),
      call: action.label,
      action,
      type,
      when,
      each: over && {
        over,
        parallel: given.parallel ?? PARALLEL_DEFAULT,
        itemsMax: given.max_items ?? EACH_MAX,
        itemTimeoutMs: given.item_timeout === undefined ? undefined : durationMs(given.item_timeout),
      },
      after: given.after ?? [],
      gate: stepRefs(gateRefs),
      strictGate,
      needs: needs.filter(
        (each) => !(fallback?.kind === 'step' && fallback.step === each) || stepRefs(refs).includes(each),
      ),
      mayBeAbsent: false, // marked when all steps are known
      lazy: false,
      timeoutMs: given.timeout === undefined ? undefined : durationMs(given.timeout),
      retry: retry && {
        attempts: retry.attempts,
        backoffMs: 'backoff' in retry && retry.backoff ? durationMs(retry.backoff) : BACKOFF_DEFAULT_MS,
      },
      hedgeMs: given.hedge === undefined ? undefined : durationMs(given.hedge),
      cacheMs: given.cache === undefined ? undefined : durationMs(given.cache),
      fallback,
    };
  }

  /** Types of pipelines that expressions of later steps may read. */
  #remember(action: Action): void {
    for (const leaf of leaves(action)) {
      if (leaf.kind !== 'pipeline') continue;
      const { outputType } = leaf.plan;
      this.#records.set(outputType.name, outputType);
      for (const inner of leaf.plan.steps) this.#remember(inner.action);
    }
  }

  /** The type of a step that is itself wrong, so that its readers are checked all the same. */
  #guessType(name: string, given: StepDefinition): void {
    const found = given.call === undefined ? undefined : findMethod(given.call);
    const answer = found && 'method' in found ? answerOf(found.method)?.answer : undefined;
    const type = answer?.typeName ?? 'dyn';
    this.#types.set(name, given.each === undefined ? type : `list<${type}>`);
  }

  #compileOutputs(): OutputField[] {
    const place = this.#place();
    const entries = Object.entries(this.#definition.output);
    if (entries.length === 0)
      this.#problem(['output'], 'needs at least one field', {
        suggestion: `write name: \${steps.step.field}`,
      });
    const outputs: OutputField[] = [];
    for (const [name, data] of entries) {
      const value: Value | undefined = compileValue(place, data, ['output', name]);
      if (!value) continue;
      const { type, refs } = value;
      outputs.push({ name, type, required: true, value, needs: stepRefs(refs), strict: strictRefs(refs) });
    }
    return outputs;
  }

  /** Steps that no output leads to would run for nothing. */
  #reach(edges: Map<string, string[]>, outputRefs: readonly Reference[]): void {
    const reached = reachable(edges, [...stepRefs(outputRefs), ...this.#meant]);
    for (const { name, path } of this.#named) {
      if (!reached.has(name))
        this.#problem(path, `nothing reads steps.${name}: neither the output nor a step that leads to it`, {
          key: true,
          suggestion: 'use it under output, or take it out',
        });
    }
  }

  #markAbsent(steps: readonly PlanStep[], sorted: readonly string[]): void {
    const absent = new Set<string>();
    for (const name of sorted) {
      const step = steps.find((each) => each.name === name);
      if (!step) continue;
      const { action, fallback, when } = step;
      const open = action.kind === 'switch' && action.branches.every((branch) => branch.when);
      const strict = strictRefs([...(this.#refs.get(name) ?? [])]);
      const unset = leaves(action).some(
        (leaf) =>
          leaf.kind === 'value' &&
          leaf.refs.some((ref) => ref.root === 'input' && !ref.guarded && this.#mayMiss(ref.name)),
      );
      step.mayBeAbsent =
        when !== undefined || open || unset || fallback?.kind === 'skip' || strict.some((each) => absent.has(each));
      if (step.mayBeAbsent) absent.add(name);
    }
  }

  #markLazy(steps: readonly PlanStep[], outputRefs: readonly Reference[]): void {
    const eager = reachable(new Map(steps.map(({ name, needs }) => [name, needs])), stepRefs(outputRefs));
    for (const step of steps) step.lazy = !eager.has(step.name);
  }
}

function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}
