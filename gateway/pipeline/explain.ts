/** A plan for people: as text, as a Mermaid flowchart, and, after a run, with where the time went. */
import type { Action, Fallback, Leaf, Plan, PlanStep } from './plan.js';
import type { StepReport } from './report.js';
import type { RunResult } from './run.js';

const BAR = 30;
/** Start plus duration is the end but for the last digit. */
const ROUNDING_MS = 0.001;
/** Lines for the steps of a pipeline that is a step; in an each there may be hundreds. */
const INNER_LINES_MAX = 32;

export function explainText(plan: Plan): string {
  const lines = [
    `pipeline ${plan.name}@${plan.version}${plan.description ? `: ${plan.description}` : ''}`,
    '',
    'input',
  ];
  for (const { name, type, required } of plan.inputs) lines.push(`  ${name}: ${type}${required ? '' : ' (optional)'}`);
  for (const [index, stage] of stages(plan).entries()) {
    lines.push('', `stage ${index + 1}${stage.length > 1 ? ' (in parallel)' : ''}`);
    for (const step of stage) lines.push(...explainStep(step));
  }
  const lazy = plan.steps.filter((step) => step.lazy);
  if (lazy.length > 0) lines.push('', 'only where a fallback asks for it');
  for (const step of lazy) lines.push(...explainStep(step));
  lines.push('', 'output');
  for (const { name, type, required, value } of plan.outputs)
    lines.push(`  ${name}: ${type}${required ? '' : ' (may be missing)'} = ${oneLine(value.text)}`);
  return `${lines.join('\n')}\n`;
}

/** Steps that may begin together, by the longest way from the input. */
export function stages(plan: Plan): PlanStep[][] {
  const depth = new Map<string, number>();
  const steps = new Map(plan.steps.map((step) => [step.name, step]));
  const depthOf = (step: PlanStep): number => {
    const known = depth.get(step.name);
    if (known !== undefined) return known;
    const before = step.needs.map((name) => steps.get(name)).filter((each) => each !== undefined);
    const found = before.length === 0 ? 0 : Math.max(...before.map(depthOf)) + 1;
    depth.set(step.name, found);
    return found;
  };
  const made: PlanStep[][] = [];
  for (const step of plan.steps) {
    if (step.lazy) continue;
    const at = depthOf(step);
    made[at] ??= [];
    made[at].push(step);
  }
  return made.filter((stage) => stage !== undefined);
}

function explainStep(step: PlanStep): string[] {
  const lines = [
    `  ${step.name}: ${step.each ? `${step.call} for each item of ${oneLine(step.each.over.text)}, ${step.each.parallel} at once` : step.call} -> ${step.type}`,
  ];
  if (step.needs.length > 0) lines.push(`    after ${step.needs.join(', ')}`);
  if (step.when) lines.push(`    when ${oneLine(step.when.text)}`);
  lines.push(...explainAction(step.action));
  const options = [
    step.timeoutMs !== undefined && `timeout ${step.timeoutMs} ms`,
    step.each?.itemTimeoutMs !== undefined && `${step.each.itemTimeoutMs} ms an item`,
    step.retry && `at most ${step.retry.attempts} tries`,
    step.hedgeMs !== undefined && `hedge after ${step.hedgeMs} ms`,
    step.cacheMs !== undefined && `cache ${step.cacheMs} ms`,
    step.fallback && explainFallback(step.fallback),
  ].filter((option) => typeof option === 'string');
  if (options.length > 0) lines.push(`    ${options.join('; ')}`);
  return lines;
}

function explainAction(action: Action): string[] {
  if (action.kind === 'switch') {
    return action.branches.flatMap(({ when, action: leaf }) => [
      `    ${when ? `when ${oneLine(when.text)}` : 'otherwise'}: ${leaf.label}`,
      ...explainLeaf(leaf, '      '),
    ]);
  }
  if (action.kind === 'split') {
    const total = action.branches.reduce((sum, { weight }) => sum + weight, 0);
    return action.branches.flatMap(({ weight, action: leaf }) => [
      `    ${Math.round((weight / total) * 1000) / 10} %: ${leaf.label}`,
      ...explainLeaf(leaf, '      '),
    ]);
  }
  return explainLeaf(action, '    ');
}

function explainLeaf(leaf: Leaf, indent: string): string[] {
  if (leaf.kind === 'value') return [`${indent}= ${oneLine(leaf.value.text)}`];
  if (leaf.kind === 'pipeline') return leaf.with.map(([name, value]) => `${indent}${name} = ${oneLine(value.text)}`);
  return Object.entries(leaf.request.fields).map(
    ([name, text]) =>
      `${indent}${name} = ${oneLine(text)}${leaf.request.moved.includes(name) ? ' (moved as bytes)' : ''}`,
  );
}

function explainFallback(fallback: Fallback): string {
  switch (fallback.kind) {
    case 'skip':
      return 'goes on without it where it fails';
    case 'model':
      return `falls back to model ${fallback.model}`;
    case 'step':
      return `falls back to step ${fallback.step}`;
    case 'action':
      return fallback.action.kind === 'value'
        ? `falls back to ${oneLine(fallback.action.value.text)}`
        : `falls back to ${fallback.action.label}`;
  }
}

/** With a result, every step also says how it went and how long it took. */
export function explainMermaid(plan: Plan, result?: RunResult): string {
  const lines = ['flowchart TD', '  input([input])'];
  const reports = new Map(result?.reports.map((report) => [report.name, report]));
  for (const step of plan.steps) {
    const report = reports.get(step.name);
    const times = report ? `<br/>${outcome(report)} ${report.durationMs.toFixed(1)} ms` : '';
    const shape = step.mayBeAbsent
      ? (['{{', '}}'] as const)
      : step.each
        ? (['[[', ']]'] as const)
        : (['[', ']'] as const);
    lines.push(`  ${id(step.name)}${shape[0]}"${step.name}<br/>${escaped(step.call)}${times}"${shape[1]}`);
  }
  lines.push('  output([output])');
  for (const step of plan.steps) {
    if (step.needs.length === 0) lines.push(`  input --> ${id(step.name)}`);
    for (const need of step.needs) lines.push(`  ${id(need)} --> ${id(step.name)}`);
    if (step.fallback?.kind === 'step') lines.push(`  ${id(step.fallback.step)} -. fallback .-> ${id(step.name)}`);
  }
  const read = new Set(
    plan.outputs.flatMap(({ value }) => value.refs.filter(({ root }) => root === 'steps').map(({ name }) => name)),
  );
  for (const name of read) lines.push(`  ${id(name)} --> output`);
  const critical = result ? criticalPath(plan, result) : [];
  if (critical.length > 0)
    lines.push(`  classDef critical stroke-width:3px`, `  class ${critical.map(id).join(',')} critical`);
  return `${lines.join('\n')}\n`;
}

/** Where the time of a run went: one bar a step and inner step, on one scale, and the chain that made it as long as it was. */
export function explainRun(plan: Plan, result: RunResult): string {
  const total = Math.max(result.totalMs, 0.001);
  const reports = result.reports.flatMap((report) => [
    report,
    ...report.inner.slice(0, INNER_LINES_MAX).map((each) => ({ ...each, name: `  ${each.name}` })),
  ]);
  const width = Math.max(...reports.map(({ name }) => name.length), 5);
  const lines = reports.map((report) => {
    const from = Math.min(BAR - 1, Math.floor((report.startedMs / total) * BAR));
    const length = Math.max(report.durationMs > 0 ? 1 : 0, Math.round((report.durationMs / total) * BAR));
    const bar = `${' '.repeat(from)}${'█'.repeat(Math.min(length, BAR - from))}`.padEnd(BAR);
    const served = report.model ? ` ${report.model.name}@${report.model.version} on ${report.model.instance}` : '';
    const inside = report.timings
      ? ` (queue ${report.timings.queueMs.toFixed(1)}, compute ${report.timings.computeMs.toFixed(1)})`
      : '';
    return `${report.name.padEnd(width)} |${bar}| ${report.durationMs.toFixed(1).padStart(8)} ms ${outcome(report)}${inside}${served}`;
  });
  const critical = criticalPath(plan, result);
  return `${lines.join('\n')}\n${'total'.padEnd(width)} ${' '.repeat(BAR + 2)} ${result.totalMs.toFixed(1).padStart(8)} ms; critical path: ${critical.join(' -> ') || 'none'}\n`;
}

/**
 * From the step that ended last, back along whichever source it waited for longest; what was skipped took no time and is not
 * named, and nobody waited for what was cancelled or for what only its stand-in read.
 */
export function criticalPath(plan: Plan, result: RunResult): string[] {
  const reports = new Map(result.reports.map((report) => [report.name, report]));
  const end = (name: string): number => {
    const report = reports.get(name);
    return report ? report.startedMs + report.durationMs : 0;
  };
  const last = (names: readonly string[], untilMs = Number.POSITIVE_INFINITY): string | undefined =>
    names
      .filter((name) => reports.get(name)?.outcome !== 'STEP_OUTCOME_CANCELLED' && end(name) <= untilMs + ROUNDING_MS)
      .sort((a, b) => end(b) - end(a))[0];
  const path: string[] = [];
  for (
    let name = last(plan.steps.filter((step) => !step.lazy).map((step) => step.name));
    name !== undefined;
    name = last(plan.steps.find((step) => step.name === name)?.needs ?? [], reports.get(name)?.startedMs)
  ) {
    if (reports.get(name)?.outcome !== 'STEP_OUTCOME_SKIPPED') path.unshift(name);
  }
  return path;
}

function outcome({ outcome: full }: StepReport): string {
  return full.replace('STEP_OUTCOME_', '').toLowerCase();
}

/** "end" and the like are words of Mermaid. */
function id(name: string): string {
  return `step_${name}`;
}

function escaped(text: string): string {
  return text.replace(/"/g, '#quot;');
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 117)}...` : line;
}
