/**
 * The installed pipelines: a set of definitions built as one, since they may call each other, and swapped as one. A file that
 * does not check never replaces one that did: its last good text stays in force, and so does a removed file that another one
 * calls. Runs in flight keep the plan they began with.
 */
import { MeshError } from '../../chassis/errors.js';
import { didYouMean } from '../nearest.js';
import type { Resolve } from './action.js';
import { checkPipeline } from './check.js';
import type { Plan } from './plan.js';
import { type Problem, readSource } from './source.js';

export interface Library {
  /** Highest version first within a name, names in order. */
  list(): readonly Plan[];
  /** By "name" (highest version) or "name@version". Throws PIPELINE_UNKNOWN. */
  get(reference: string): Plan;
  /**
   * Puts these definitions (file name -> text) in place of what is installed. Returns what is wrong with them; files without
   * problems are installed all the same, the others keep their last good text.
   */
  install(files: ReadonlyMap<string, string>): Problem[];
  /** Checks a definition as if it were installed beside the others; installs nothing. */
  check(file: string, text: string): { plan: Plan | undefined; problems: readonly Problem[] };
}

export function createLibrary(): Library {
  let texts: ReadonlyMap<string, string> = new Map();
  let plans: readonly Plan[] = [];
  return {
    list: () => plans,
    get(reference) {
      const found = find(plans, reference);
      if ('missing' in found)
        throw new MeshError('PIPELINE_UNKNOWN', `${found.missing}${found.suggestion ? `; ${found.suggestion}` : ''}`);
      return found;
    },
    install(files) {
      const problems: Problem[] = [];
      let wanted: Map<string, string> = new Map(files);
      // Each round gives up at least one new text for its last good one, so it ends.
      for (;;) {
        const { built, blocked } = build(wanted);
        const bad = [...built].flatMap(([file, { plan }]) => (plan ? [] : [file]));
        if (bad.length === 0) {
          texts = wanted;
          plans = withTimes(sort([...built.values()].flatMap(({ plan }) => (plan ? [plan] : []))), plans);
          return problems;
        }
        // What only calls a bad one may be right beside its last good text.
        const causes = bad.filter((file) => !blocked.has(file));
        // Where none of them has changed, something they call has, in a way that they do not fit: then nothing changes.
        const changed = causes.filter((file) => wanted.get(file) !== texts.get(file));
        for (const file of changed.length > 0 ? changed : causes) problems.push(...(built.get(file)?.problems ?? []));
        wanted = changed.length > 0 ? lastGood(wanted, changed, texts) : new Map(texts);
      }
    },
    check(file, text) {
      const others = new Map([...texts].filter(([name]) => name !== file));
      const checked = build(new Map([[file, text], ...others])).built.get(file);
      return { plan: checked?.plan, problems: checked?.problems ?? [] };
    },
  };
}

/** What has been seen of a pipeline's times holds on while its text does: a reload is no reason to learn them again. */
function withTimes(plans: readonly Plan[], before: readonly Plan[]): readonly Plan[] {
  for (const plan of plans) {
    const same = before.find(({ file, yaml }) => file === plan.file && yaml === plan.yaml);
    if (same) plan.budget = same.budget;
  }
  return plans;
}

/** With the last good text of these files, or without them where they have none. */
function lastGood(
  wanted: ReadonlyMap<string, string>,
  files: readonly string[],
  good: ReadonlyMap<string, string>,
): Map<string, string> {
  const next = new Map(wanted);
  for (const file of files) {
    const last = good.get(file);
    if (last === undefined) next.delete(file);
    else next.set(file, last);
  }
  return next;
}

type Built = ReturnType<typeof checkPipeline>;

/** `blocked`: files with no mistake of their own, which call one that has. */
function build(files: ReadonlyMap<string, string>): { built: Map<string, Built>; blocked: ReadonlySet<string> } {
  const sources = new Map([...files].map(([file, text]) => [file, readSource(file, text)]));
  const heads = new Map([...sources].map(([file, { data }]) => [file, head(data)]));
  const built = new Map<string, Built>();
  const open: string[] = [];
  /** By file: its calls of pipelines that have mistakes. */
  const calls = new Map<string, number>();
  const visit = (file: string): Built => {
    const known = built.get(file);
    if (known) return known;
    const source = sources.get(file);
    if (!source) throw new Error(`${file} is not among the definitions`);
    open.push(file);
    const twin = [...heads].find(
      ([other, { name, version }]) =>
        other !== file &&
        name !== undefined &&
        name === heads.get(file)?.name &&
        version === heads.get(file)?.version &&
        other < file,
    );
    const result: Built = twin
      ? {
          plan: undefined,
          problems: [
            source.problem(
              ['name'],
              `${heads.get(file)?.name}@${heads.get(file)?.version} is defined in ${twin[0]} already`,
              { suggestion: 'give it another name or version' },
            ),
          ],
        }
      : checkPipeline(source, resolve);
    open.pop();
    built.set(file, result);
    return result;
  };
  const resolve: Resolve = (reference) => {
    const [name = '', version] = reference.split('@');
    const candidates = [...heads].filter(
      ([, each]) => each.name === name && (version === undefined || each.version === version),
    );
    candidates.sort(([, a], [, b]) => compareVersions(b.version ?? '', a.version ?? ''));
    const [file] = candidates[0] ?? [];
    if (file === undefined) {
      const names = [...new Set([...heads.values()].flatMap((each) => (each.name === undefined ? [] : [each.name])))];
      return {
        missing: `there is no pipeline "${reference}"`,
        suggestion: didYouMean(name, names) || (names.length > 0 ? `there are ${names.join(', ')}` : ''),
      };
    }
    const at = open.indexOf(file);
    if (at !== -1) {
      const trail = [...open.slice(at), file].map((each) => heads.get(each)?.name);
      return {
        missing: `pipelines call each other in a circle: ${trail.join(' -> ')}`,
        suggestion: 'take one of these calls out',
      };
    }
    const { plan } = visit(file);
    const caller = open.at(-1);
    if (!plan && caller !== undefined) calls.set(caller, (calls.get(caller) ?? 0) + 1);
    return plan ?? { missing: `pipeline "${reference}" has mistakes of its own`, suggestion: `see ${file}` };
  };
  for (const file of files.keys()) visit(file);
  const blocked = [...calls].flatMap(([file, count]) => (built.get(file)?.problems.length === count ? [file] : []));
  return { built, blocked: new Set(blocked) };
}

function head(data: unknown): { name: string | undefined; version: string | undefined } {
  const { name, version } = (typeof data === 'object' && data !== null ? data : {}) as {
    name?: unknown;
    version?: unknown;
  };
  return {
    name: typeof name === 'string' ? name : undefined,
    version: typeof version === 'string' || typeof version === 'number' ? String(version) : undefined,
  };
}

function find(plans: readonly Plan[], reference: string): Plan | { missing: string; suggestion: string } {
  const [name = '', version] = reference.split('@');
  const named = plans.filter((plan) => plan.name === name);
  const found = version === undefined ? named[0] : named.find((plan) => plan.version === version);
  if (found) return found;
  const names = [...new Set(plans.map((plan) => plan.name))];
  if (named.length > 0)
    return {
      missing: `pipeline "${name}" has no version "${version}"`,
      suggestion: `it has ${named.map((plan) => plan.version).join(', ')}`,
    };
  const shown = reference.length > 80 ? `${reference.slice(0, 77)}...` : reference;
  return {
    missing: `there is no pipeline "${shown}"`,
    suggestion: didYouMean(name, names) || (names.length > 0 ? `there are ${names.join(', ')}` : 'none is installed'),
  };
}

function sort(plans: Plan[]): Plan[] {
  return plans.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : compareVersions(b.version, a.version)));
}

/** "1.10" is above "1.9": numbers by value, the rest by letters. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(/[.\-_]/);
  const right = b.split(/[.\-_]/);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const one = left[index] ?? '';
    const other = right[index] ?? '';
    if (one === other) continue;
    const numbers = /^\d+$/.test(one) && /^\d+$/.test(other);
    return numbers ? Number(one) - Number(other) : one < other ? -1 : 1;
  }
  return 0;
}
