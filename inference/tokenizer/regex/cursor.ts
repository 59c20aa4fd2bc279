// A place in a pattern that is being read.
import { TokenizerError } from '../error.js';

export class Cursor {
  readonly pattern: string;
  at = 0;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  /** The next code unit, not taken; undefined at the end. */
  peek(): string | undefined {
    return this.pattern[this.at];
  }

  ahead(units: number): string | undefined {
    return this.pattern[this.at + units];
  }

  take(): void {
    this.at++;
  }

  /** Takes the next character. */
  takePoint(): number {
    const point = this.pattern.codePointAt(this.at);
    if (point === undefined) return this.fail('an end where a character should be');
    this.at += point > 0xffff ? 2 : 1;
    return point;
  }

  /** Takes `text` if it comes next. */
  takes(text: string): boolean {
    if (!this.pattern.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** Takes what `expression`, anchored, matches next. */
  match(expression: RegExp): RegExpExecArray | null {
    const found = expression.exec(this.pattern.slice(this.at, this.at + 200));
    if (found !== null) this.at += found[0].length;
    return found;
  }

  /** Takes everything up to `close`, and that too. */
  until(close: string): string {
    const end = this.pattern.indexOf(close, this.at);
    if (end < 0) return this.fail(`no ${close} where one should be`);
    const text = this.pattern.slice(this.at, end);
    this.at = end + close.length;
    return text;
  }

  fail(what: string): never {
    throw new TokenizerError(`the regular expression ${this.pattern} uses ${what}, which is not supported`);
  }
}
