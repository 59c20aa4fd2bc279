/** What a step will do, once the steps that its conditions read have ended: nothing, or a branch, or a branch an item. */
import { fieldError } from '../../chassis/errors.js';
import type { Reference, Scope } from './expression.js';
import { type Action, type Leaf, leaves, type PlanStep, stepRefs, strictRefs } from './plan.js';
import { pick, share } from './weight.js';

export interface Decision {
  /** undefined where every item of an each chooses its own. */
  branch: Leaf | undefined;
  /** The list of an each. */
  items: readonly unknown[] | undefined;
  /** Steps it still waits for. */
  needs: readonly string[];
  /** Steps that only what stands in reads: nothing waits for them until it fails. */
  standIn: readonly string[];
  /** Steps without whose result it is skipped. */
  strict: readonly string[];
}

/** undefined where the step is skipped; all of its gate has ended and what it must read of that is there. Throws TOO_MANY_ITEMS, or STEP_FAILED where an expression fails. */
export function decide(step: PlanStep, scope: Scope, random: () => number): Decision | undefined {
  const { when, each, action, fallback } = step;
  if (when && when.evaluate(scope) !== true) return undefined;
  const items = each && listOf(step, each, scope);
  if (each && !items) return undefined;
  const choosesByItem = each !== undefined && (action.kind === 'switch' || action.kind === 'split');
  const branch = choosesByItem ? undefined : chooseBranch(action, scope, random);
  if (!branch && !choosesByItem) return undefined;
  const read = branch ? branch.refs : leaves(action).flatMap(({ refs }) => refs);
  const standIn = fallback?.kind === 'action' ? stepRefs(fallback.action.refs) : [];
  const needs = new Set([...step.gate, ...step.after, ...stepRefs(read)]);
  return { branch, items, needs: [...needs], standIn, strict: strictRefs(read) };
}

/** The branch that is taken; undefined where no condition holds. */
export function chooseBranch(action: Action, scope: Scope, random: () => number): Leaf | undefined {
  if (action.kind === 'switch') {
    const taken = action.branches.find(
      ({ when }) => !when || (!absent(when.refs, scope) && when.evaluate(scope) === true),
    );
    return taken?.action;
  }
  if (action.kind === 'split') {
    const by = action.by?.evaluate(scope);
    return pick(action.branches, by === undefined ? random() : share(String(by)));
  }
  return action;
}

/** True where something is read, unasked, that has no result. */
export function absent(refs: readonly Reference[], scope: Scope): boolean {
  return strictRefs(refs).some((name) => scope.steps[name] === undefined);
}

function listOf(step: PlanStep, each: NonNullable<PlanStep['each']>, scope: Scope): readonly unknown[] | undefined {
  const list = each.over.evaluate(scope);
  if (list === undefined) return undefined;
  const field = `steps.${step.name}.each`;
  if (!Array.isArray(list)) throw fieldError('STEP_FAILED', field, 'is not a list');
  if (list.length > each.itemsMax) {
    throw fieldError('TOO_MANY_ITEMS', field, `has ${list.length} items; the step takes ${each.itemsMax}`, {
      limit: String(each.itemsMax),
    });
  }
  return list;
}
