// Compares our regular expressions with the lines that random_patterns.py prints: a pattern must find what Oniguruma finds,
// or be refused. Run by hand, see random_patterns.py.
import { createInterface } from 'node:readline';
import { TokenizerError } from '../../../inference/tokenizer/index.js';
import { compileRegex, type Pattern } from '../../../inference/tokenizer/regex/pattern.js';

/** Pattern, subject, and the pieces it cuts the subject into in code points. */
export type PatternLine = [string, string, [number, number][]];

/** The pieces that matches of `pattern` and what lies between them make of `subject`, in code points. */
export function piecesOf(pattern: Pattern, subject: string): [number, number][] {
  const spans: [number, number][] = [];
  let from = 0;
  pattern.matches(subject, (start, end) => {
    spans.push([from, start], [start, end]);
    from = end;
  });
  spans.push([from, subject.length]);
  const points = (at: number) => [...subject.slice(0, at)].length;
  return spans.filter(([a, b]) => a !== b).map(([a, b]) => [points(a), points(b)]);
}

async function main(): Promise<void> {
  const patterns = new Map<string, Pattern | undefined>();
  const refusals = new Map<string, number>();
  const counts = { patterns: 0, refused: 0, refusedThere: 0, subjects: 0, differ: 0 };
  for await (const line of createInterface({ input: process.stdin })) {
    const [source, subject, want] = JSON.parse(line) as PatternLine;
    if (want === null) {
      counts.refusedThere++;
      continue;
    }
    if (!patterns.has(source)) {
      counts.patterns++;
      patterns.set(source, undefined);
      try {
        patterns.set(source, compileRegex(source));
      } catch (error) {
        if (!(error instanceof TokenizerError)) throw error;
        const why = error.message.replace(`the regular expression ${source} `, '');
        refusals.set(why, (refusals.get(why) ?? 0) + 1);
        counts.refused++;
      }
    }
    const pattern = patterns.get(source);
    if (pattern === undefined) continue;
    counts.subjects++;
    const got = piecesOf(pattern, subject);
    if (JSON.stringify(got) === JSON.stringify(want)) continue;
    if (counts.differ++ < 20) console.log(JSON.stringify({ source, subject, ours: got, theirs: want }));
  }
  for (const [why, times] of [...refusals].sort((a, b) => b[1] - a[1]).slice(0, 20))
    console.log(`refused ${times}: ${why}`);
  console.log(JSON.stringify(counts));
  process.exitCode = counts.differ === 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith('patterns-run.js')) await main();
