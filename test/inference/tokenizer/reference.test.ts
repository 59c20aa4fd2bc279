// What Python's `tokenizers` makes of hard strings, recorded by reference.py for one small tokenizer of each kind.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTokenizer, TokenizerError } from '../../../inference/tokenizer/index.js';
import { compileRegex } from '../../../inference/tokenizer/regex/pattern.js';
import { difference, isPadded, type Line, type PaddedLine, paddedDifference } from './differential-run.js';
import { fixturesFolder } from './fixtures.js';
import { piecesOf } from './patterns-run.js';

/** What cannot be said in JavaScript, or is no pattern there either. */
const REFUSED = [
  ['(?<p>a(?:b|\\g<p>))', 'a group that calls itself'],
  ['\\g<0>', 'the group 0'],
  ['(a)|\\1', 'a reference to 1, which may not have matched'],
  ['(a)(?<n>b)\\1', 'the number of a group where groups have names'],
  ['(?<a>x)(?<a>y)\\k<a>', 'the name a of several groups'],
  ['(?i)(a)\\1', 'a reference that ignores case'],
  ['(?:|a)*', 'a repeat of what may match nothing before it tries the rest'],
  ['(?:a\\K)*', '\\K inside a repeat or a condition'],
  ['a\\G', '\\G anywhere but at the beginning'],
  ['(?~ab)', 'the absent operator (?~'],
  ['(?(a)b|c)', 'a condition (?('],
  ['(?s).', 'the group (?s'],
  ['\\p{Nonsense}', 'a character property that is not known here: Nonsense'],
  ['[a', 'brackets without an end'],
  ['(a', 'a group without an end'],
  ['a)', 'an unmatched )'],
  ['*a', 'a repeat of nothing'],
  ['^*', 'a repeat of what has no length'],
  ['a{2,1}', 'a repeat whose limits are the wrong way round'],
  ['[b-a]', 'a range that ends before it begins'],
  ['\\xe9', 'bytes that are no character'],
] as const;

/** Fixtures that are no tokenizer.json with lines. */
const OTHERS = ['regex.json', 'sentence-piece.json', 'layouts.json'];

describe('tokenizers against the recorded reference', () => {
  for (const name of readdirSync(fixturesFolder).filter((file) => !OTHERS.includes(file))) {
    it(`gives the recorded ids, offsets, masks, words, decoded texts and padding: ${name}`, () => {
      const { tokenizer: json, lines } = JSON.parse(readFileSync(join(fixturesFolder, name), 'utf8')) as {
        tokenizer: unknown;
        lines: (Line | PaddedLine)[];
      };
      const tokenizer = createTokenizer(json);
      for (const line of lines) {
        const found = isPadded(line) ? paddedDifference(tokenizer, line) : difference(tokenizer, line);
        assert.equal(found, undefined, `${JSON.stringify(line.slice(0, 4))}\n${found}`);
      }
    });
  }

  it('finds what Oniguruma finds, pattern by pattern', () => {
    const cases = JSON.parse(readFileSync(join(fixturesFolder, 'regex.json'), 'utf8')) as RegexCase[];
    for (const [pattern, subject, pieces, replaced] of cases) {
      const compiled = compileRegex(pattern);
      let from = 0;
      let out = '';
      compiled.matches(subject, (start, end) => {
        out += `${subject.slice(from, start)}·`;
        from = end;
      });
      out += subject.slice(from);
      assert.deepEqual(piecesOf(compiled, subject), pieces, `${pattern} in ${JSON.stringify(subject)}`);
      if (subject !== '') assert.equal(out, replaced, `${pattern} in ${JSON.stringify(subject)}`);
    }
  });

  for (const [pattern, why] of REFUSED) {
    it(`refuses ${pattern} and says why`, () => {
      assert.throws(
        () => compileRegex(pattern),
        (error) => error instanceof TokenizerError && error.message.includes(`${pattern} uses ${why}`),
      );
    });
  }
});

/** Pattern, subject, the pieces it cuts the subject into in code points, and the subject with · for every match. */
type RegexCase = [string, string, [number, number][], string];
