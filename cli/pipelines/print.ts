/** Problems of definitions as compilers print them: place, message, suggestion, and the line with a mark under it. */
import { type Problem, printProblem } from '../../gateway/pipeline/index.js';

/** `texts` are the definitions by file, for the lines. */
export function printProblems(problems: readonly Problem[], texts: ReadonlyMap<string, string>): string {
  return problems.map((problem) => `${printProblem(problem)}\n${excerpt(problem, texts.get(problem.file))}`).join('\n');
}

function excerpt({ line, column }: Problem, text: string | undefined): string {
  const source = text?.split('\n')[line - 1];
  if (source === undefined) return '';
  const number = String(line).padStart(5);
  const shown = source.length > 140 ? `${source.slice(0, 137)}...` : source;
  return `${number} | ${shown}\n${' '.repeat(5)} | ${' '.repeat(Math.max(0, column - 1))}^\n`;
}
