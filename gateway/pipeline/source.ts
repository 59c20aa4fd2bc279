/**
 * A pipeline file as text, as data, and as places: every later check names a path ("steps.embed.with.texts"), and this file
 * turns the path into line and column. Limits the size of the text and the use of YAML aliases, so that a definition sent to
 * Validate cannot be made to grow.
 */
import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, Scalar } from 'yaml';

/** Characters of one definition. */
export const SOURCE_MAX = 256 * 1024;
const ALIASES_MAX = 50;

export type Path = readonly (string | number)[];

/** What is wrong with a definition, and where. */
export interface Problem {
  file: string;
  /** From 1. */
  line: number;
  column: number;
  /** "steps.embed.with.texts". */
  path: string;
  message: string;
  /** What to write instead, where that can be told: `did you mean "texts"?`; "" otherwise. */
  suggestion: string;
}

export interface Source {
  readonly file: string;
  readonly text: string;
  /** The YAML as plain data; undefined where it does not parse. */
  readonly data: unknown;
  /** What the YAML parser found. */
  readonly problems: readonly Problem[];
  /** A problem at a path: at the value, at its key (`key`), or `offset` characters into a one-line expression. */
  problem(path: Path, message: string, options?: { suggestion?: string; key?: boolean; offset?: number }): Problem;
}

export function readSource(file: string, text: string): Source {
  const at = (line: number, column: number, path: Path, message: string, suggestion = ''): Problem => ({
    file,
    line,
    column,
    path: printPath(path),
    message,
    suggestion,
  });
  if (text.length > SOURCE_MAX) {
    const tooLong = at(1, 1, [], `the definition has ${text.length} characters; at most ${SOURCE_MAX} are read`);
    return { file, text, data: undefined, problems: [tooLong], problem: (path, message) => at(1, 1, path, message) };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  // One mistake makes YAML stumble over everything after it: only the first is told.
  const problems = document.errors.slice(0, 1).map(({ pos, message }) => {
    const { line, column } = place(pos[0]);
    const colon = /nested mappings|implicit keys|flow|Unexpected/i.test(message);
    return at(
      line,
      column,
      [],
      `not valid YAML: ${message}`,
      colon ? 'an expression with ": " or "{" in it needs quotes, or a block after ">-"' : '',
    );
  });
  let data: unknown;
  if (problems.length === 0) {
    try {
      data = document.toJS({ maxAliasCount: ALIASES_MAX });
    } catch {
      problems.push(at(1, 1, [], `not read: more than ${ALIASES_MAX} aliases`));
    }
  }
  return {
    file,
    text,
    data,
    problems,
    problem(path, message, options = {}) {
      const { line, column } = place(offsetOf(document, text, path, options.key ?? false, options.offset));
      return at(line, column, path, message, options.suggestion);
    },
  };
}

/** "steps.embed.with.texts[0]". */
export function printPath(path: Path): string {
  let printed = '';
  for (const part of path) printed += typeof part === 'number' ? `[${part}]` : printed ? `.${part}` : part;
  return printed;
}

/** `pipelines/analyze.yaml:12:7: steps.embed.with.txts: message (suggestion)`. */
export function printProblem({ file, line, column, path, message, suggestion }: Problem): string {
  return `${file}:${line}:${column}: ${path ? `${path}: ` : ''}${message}${suggestion ? `; ${suggestion}` : ''}`;
}

/** Where a path lies in the text; where it ends early, the place of the last part that exists. */
function offsetOf(document: Document, text: string, path: Path, key: boolean, offset: number | undefined): number {
  let node: unknown = document.contents;
  let found = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const [index, part] of path.entries()) {
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
      );
      if (!pair) return found;
      const keyAt = isNode(pair.key) ? pair.key.range?.[0] : undefined;
      next = pair.value;
      const valueAt = isNode(next) ? next.range?.[0] : undefined;
      found = (key && index === path.length - 1 ? keyAt : (valueAt ?? keyAt)) ?? found;
    } else if (isSeq(node)) {
      next = node.items[Number(part)];
      found = (isNode(next) ? next.range?.[0] : undefined) ?? found;
    } else return found;
    node = next;
  }
  if (offset === undefined || !isScalar(node) || typeof node.value !== 'string') return found;
  // Only where the characters of the value stand in the text as they are can a place inside it be told.
  const start = found + (node.type === Scalar.PLAIN ? 0 : 1);
  return text.startsWith(node.value, start) ? start + offset : found;
}
