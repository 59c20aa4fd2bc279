// What Python's `tokenizers` makes of hard strings, recorded by reference.py for one small tokenizer of each kind.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTokenizer } from '../../../inference/tokenizer/index.js';
import { compileRegex } from '../../../inference/tokenizer/regex.js';
import { difference, type Line } from './differential-run.js';
import { fixturesFolder } from './fixtures.js';

describe('tokenizers against the recorded reference', () => {
  for (const name of readdirSync(fixturesFolder).filter((file) => file !== 'regex.json')) {
    it(`gives the recorded ids, offsets, masks, words and decoded texts: ${name}`, () => {
      const { tokenizer: json, lines } = JSON.parse(readFileSync(join(fixturesFolder, name), 'utf8')) as {
        tokenizer: unknown;
        lines: Line[];
      };
      const tokenizer = createTokenizer(json);
      for (const line of lines) {
        const found = difference(tokenizer, line);
        assert.equal(found, undefined, `${JSON.stringify(line.slice(0, 4))}\n${found}`);
      }
    });
  }

  it('finds what Oniguruma finds, pattern by pattern', () => {
    const cases = JSON.parse(readFileSync(join(fixturesFolder, 'regex.json'), 'utf8')) as RegexCase[];
    for (const [pattern, subject, pieces, replaced] of cases) {
      const spans: [number, number][] = [];
      let from = 0;
      let out = '';
      compileRegex(pattern).matches(subject, (start, end) => {
        spans.push([from, start], [start, end]);
        out += `${subject.slice(from, start)}·`;
        from = end;
      });
      spans.push([from, subject.length]);
      out += subject.slice(from);
      const points = (at: number) => [...subject.slice(0, at)].length;
      const got = spans.filter(([a, b]) => a !== b).map(([a, b]) => [points(a), points(b)]);
      assert.deepEqual(got, pieces, `${pattern} in ${JSON.stringify(subject)}`);
      if (subject !== '') assert.equal(out, replaced, `${pattern} in ${JSON.stringify(subject)}`);
    }
  });
});

/** Pattern, subject, the pieces it cuts the subject into in code points, and the subject with · for every match. */
type RegexCase = [string, string, [number, number][], string];
