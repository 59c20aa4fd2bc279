/** What a step does, compiled: a call to a method of the contract, another pipeline, or a computed value. */
import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
import { descriptors } from '../../chassis/descriptors.js';
import { CAPABILITIES } from '../../registry/index.js';
import { didYouMean } from '../nearest.js';
import type { Value } from './expression.js';
import { instead } from './instead.js';
import type { Place } from './place.js';
import type { CallAction, Leaf, PipelineAction, Plan, ValueAction } from './plan.js';
import { type AnswerTypes, compileMessageValue, compileRequest } from './request.js';
import type { ActionDefinition } from './schema.js';
import type { Path } from './source.js';
import { wrapMessage } from './types.js';
import { assignable, compileValue } from './value.js';

/** Pipelines inside pipelines. */
export const DEPTH_MAX = 8;

/** Finds another pipeline by "name" or "name@version"; a text says why there is none. */
export type Resolve = (reference: string) => Plan | { missing: string; suggestion: string };

/** The method behind "embed.Embed", or what is wrong with it. */
export function findMethod(
  call: string,
): { method: DescMethod; capability: string } | { message: string; suggestion: string } {
  const [capability = '', name = '', ...rest] = call.split('.');
  const known = CAPABILITIES as readonly string[];
  if (!known.includes(capability) || rest.length > 0) {
    return {
      message: `"${call}" is not a method: no capability is called "${capability}"`,
      suggestion: didYouMean(capability, known) || `write capability.Method; capabilities are ${known.join(', ')}`,
    };
  }
  const service = descriptors().getService(`plexus.v1.${capability[0]?.toUpperCase()}${capability.slice(1)}`);
  const methods = service?.methods ?? [];
  const method = methods.find((each) => each.name === name);
  const names = methods.map((each) => each.name);
  if (!method)
    return {
      message: `${capability} has no method "${name}"`,
      suggestion: didYouMean(name, names) || `it has ${names.join(', ')}`,
    };
  if (method.methodKind === 'bidi_streaming' || method.methodKind === 'client_streaming') {
    return {
      message: `${call} takes a stream of requests, which a step cannot send`,
      suggestion: `use ${capability}.${names.find((each) => each !== name)}`,
    };
  }
  return { method, capability };
}

/** The type of the step's result, known before anything else of the step is. */
export function answerOf(method: DescMethod): { answer: DescMessage; stream: CallAction['stream'] } | undefined {
  if (method.methodKind === 'unary') return { answer: method.output, stream: undefined };
  const delta = method.output.fields.find(({ name }) => name === 'delta');
  const done = method.output.fields.find(({ name }) => name === 'done');
  return delta && done?.message ? { answer: done.message, stream: { event: method.output, delta, done } } : undefined;
}

export interface ActionPlace extends Place {
  resolve: Resolve;
  answers: AnswerTypes;
}

/** undefined where a mistake was reported. */
export function compileAction(place: ActionPlace, given: ActionDefinition, path: Path): Leaf | undefined {
  const kinds = (['call', 'pipeline', 'value'] as const).filter((kind) => kind in given);
  const [kind] = kinds;
  if (kinds.length !== 1 || !kind) {
    const message =
      kinds.length === 0 ? 'needs one of call, pipeline, value' : `has ${kinds.join(' and ')}; only one can be`;
    const suggestion = kinds.length === 0 ? 'write call: embed.Embed, for example' : 'make two steps of it';
    place.problems.push(place.source.problem(path, message, { key: true, suggestion }));
    return undefined;
  }
  if (kind === 'call') return compileCall(place, given, path);
  if (kind === 'pipeline') return compilePipeline(place, given, path);
  if (given.with)
    place.problems.push(
      place.source.problem([...path, 'with'], 'a value takes no fields', {
        key: true,
        suggestion: 'write the fields under value',
      }),
    );
  const value = compileValue(place, given.value, [...path, 'value']);
  return value && { kind: 'value', label: 'value', value, refs: value.refs, type: value.type };
}

function compileCall(place: ActionPlace, given: ActionDefinition, path: Path): CallAction | undefined {
  const found = findMethod(given.call ?? '');
  if ('message' in found) {
    place.problems.push(place.source.problem([...path, 'call'], found.message, { suggestion: found.suggestion }));
    return undefined;
  }
  const { method, capability } = found;
  const answer = answerOf(method);
  if (!answer) {
    place.problems.push(
      place.source.problem(
        [...path, 'call'],
        `${given.call} cannot be a step: its stream has no last message that is its answer`,
        {
          suggestion: 'use a method that does not stream',
        },
      ),
    );
    return undefined;
  }
  const request = compileRequest(place, method.input, given.with ?? {}, [...path, 'with'], place.answers);
  return {
    kind: 'call',
    capability,
    method: `${method.parent.typeName}/${method.name}`,
    label: `${capability}.${method.name}`,
    ...answer,
    request,
    refs: request.refs,
    type: answer.answer.typeName,
  };
}

function compilePipeline(place: ActionPlace, given: ActionDefinition, path: Path): PipelineAction | undefined {
  const at = [...path, 'pipeline'];
  const plan = place.resolve(given.pipeline ?? '');
  if ('missing' in plan) {
    place.problems.push(place.source.problem(at, plan.missing, { suggestion: plan.suggestion }));
    return undefined;
  }
  if (plan.depth + 1 > DEPTH_MAX) {
    const suggestion = `write the steps of ${plan.name} here instead`;
    place.problems.push(place.source.problem(at, `pipelines are nested deeper than ${DEPTH_MAX}`, { suggestion }));
    return undefined;
  }
  const values: [string, Value][] = [];
  const fields = given.with ?? {};
  for (const [key, data] of Object.entries(fields)) {
    const field = plan.inputs.find(({ name }) => name === key);
    if (!field) {
      const known = plan.inputs.map(({ name }) => name);
      place.problems.push(
        place.source.problem([...path, 'with', key], `pipeline ${plan.name} has no input "${key}"`, {
          key: true,
          suggestion: didYouMean(key, known) || (known.length > 0 ? `it has ${known.join(', ')}` : 'it has no inputs'),
        }),
      );
      continue;
    }
    const value = compileValue(place, data, [...path, 'with', key]);
    if (!value) continue;
    if (!assignable(value.type, field.type))
      place.problems.push(
        place.source.problem([...path, 'with', key], `must be ${field.type}, is ${value.type}`, {
          suggestion: instead(place.env, value, field.type, data),
        }),
      );
    values.push([key, value]);
  }
  for (const { name, type, required } of plan.inputs) {
    if (required && !(name in fields))
      place.problems.push(
        place.source.problem(at, `pipeline ${plan.name} needs the input "${name}" (${type})`, {
          key: true,
          suggestion: `add ${name}: under with`,
        }),
      );
  }
  return {
    kind: 'pipeline',
    label: `pipeline:${plan.name}`,
    plan,
    with: values,
    refs: values.flatMap(([, { refs }]) => refs),
    type: plan.outputType.name,
  };
}

/** A fallback's `value`, which must be what the step itself gives. */
export function compileConstant(
  place: ActionPlace,
  answer: DescMessage | undefined,
  type: string,
  data: unknown,
  path: Path,
): ValueAction | undefined {
  if (answer && typeof data === 'object' && data !== null && !Array.isArray(data)) {
    const before = place.problems.length;
    const { refs, make } = compileMessageValue(place, answer, data as Record<string, unknown>, path);
    if (place.problems.length > before) return undefined;
    const text = JSON.stringify(data);
    return {
      kind: 'value',
      label: 'value',
      value: { text, evaluate: (scope) => wrapMessage(answer, make(scope)) },
      refs,
      type,
    };
  }
  const value = compileValue(place, data, path);
  return value && { kind: 'value', label: 'value', value, refs: value.refs, type: value.type };
}
