// Patterns of tokenizer files: plain texts, and regular expressions written for Oniguruma (Ruby syntax), which are read
// and written again as JavaScript ones that match the same. What cannot be said in JavaScript is refused by name.
import { TokenizerError } from '../error.js';
import { translate } from './javascript.js';
import { parse } from './parser.js';

/** Calls `found` for every match in `text`, from left to right. */
export interface Pattern {
  matches(text: string, found: (start: number, end: number) => void): void;
}

/** The `{ "String": … }` or `{ "Regex": … }` of a tokenizer file. */
export function compilePattern(value: unknown): Pattern {
  const { String: content, Regex: pattern } = (value ?? {}) as { String?: unknown; Regex?: unknown };
  if (typeof content === 'string') return compileLiteral(content);
  if (typeof pattern === 'string') return compileRegex(pattern);
  throw new TokenizerError('a pattern is neither String nor Regex');
}

/** Compiles an Oniguruma pattern. Empty matches follow Oniguruma's iterator: never right after another match. */
export function compileRegex(pattern: string): Pattern {
  const { keeps, source, sticky } = translate(parse(pattern), (what) => {
    throw new TokenizerError(`the regular expression ${pattern} uses ${what}, which is not supported`);
  });
  let expression: RegExp;
  try {
    expression = new RegExp(source, `gv${sticky ? 'y' : ''}${keeps.length > 0 ? 'd' : ''}`);
  } catch (cause) {
    throw new TokenizerError(`the regular expression ${pattern} could not be compiled`, { cause });
  }
  /** Where a match begins: at the last \K it went through. */
  const kept = (match: RegExpExecArray): number =>
    keeps.reduce((start, name) => Math.max(start, match.indices?.groups?.[name]?.[0] ?? start), match.index);
  return {
    matches(text, found) {
      let from = 0;
      let last = -1;
      while (from <= text.length) {
        expression.lastIndex = from;
        const match = expression.exec(text);
        if (match === null) return;
        const end = match.index + match[0].length;
        const start = keeps.length === 0 ? match.index : kept(match);
        if (start === end && (end === last || isInsidePair(text, start))) {
          from = start + (isLead(text.charCodeAt(start)) ? 2 : 1);
          continue;
        }
        from = end;
        last = end;
        found(start, end);
      }
    },
  };
}

function isLead(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

/** Empty matches are found there too, between the halves of one character. */
function isInsidePair(text: string, at: number): boolean {
  return at > 0 && isLead(text.charCodeAt(at - 1)) && text.charCodeAt(at) >= 0xdc00 && text.charCodeAt(at) < 0xe000;
}

/** A pattern that matches `content` itself. */
export function compileLiteral(content: string): Pattern {
  if (content === '') return compileRegex('');
  return {
    matches(text, found) {
      for (let i = text.indexOf(content); i >= 0; i = text.indexOf(content, i + content.length)) {
        found(i, i + content.length);
      }
    },
  };
}
