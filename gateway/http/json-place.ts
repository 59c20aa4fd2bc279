/** Where a text stops being JSON. JSON.parse tells no place for short texts on Node 20, so the text is walked again, on failure only. */

export interface JsonPlace {
  /** From 1. */
  line: number;
  column: number;
  /** "a name in quotes", "a value". */
  expected: string;
}

/** The first place that is wrong; undefined where the text is JSON. */
export function findJsonError(text: string): JsonPlace | undefined {
  const walker = new Walker(text);
  try {
    walker.document();
    return undefined;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const before = text.slice(0, error.at);
    return { line: before.split('\n').length, column: error.at - before.lastIndexOf('\n'), expected: error.message };
  }
}

class Wrong extends Error {
  readonly at: number;
  constructor(at: number, expected: string) {
    super(expected);
    this.at = at;
  }
}

/** Explicit stack instead of recursion: the text may be nested a million deep. */
class Walker {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    const open: ('{' | '[')[] = [];
    for (;;) {
      // A value is expected here.
      this.#space();
      const character = this.#text[this.#at];
      if (character === '{' || character === '[') {
        this.#at++;
        this.#space();
        if (this.#text[this.#at] === (character === '{' ? '}' : ']')) this.#at++;
        else {
          open.push(character);
          if (character === '{') this.#name();
          continue;
        }
      } else this.#scalar();
      // A value has ended: close, or go on with the next.
      for (;;) {
        this.#space();
        const inside = open.at(-1);
        if (inside === undefined) {
          if (this.#at < this.#text.length) throw new Wrong(this.#at, 'the end of the text');
          return;
        }
        const next = this.#text[this.#at];
        if (next === ',') {
          this.#at++;
          this.#space();
          if (inside === '{') this.#name();
          break;
        }
        if (next !== (inside === '{' ? '}' : ']'))
          throw new Wrong(this.#at, inside === '{' ? '"," or "}"' : '"," or "]"');
        this.#at++;
        open.pop();
      }
    }
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #name(): void {
    if (this.#text[this.#at] !== '"') throw new Wrong(this.#at, 'a name in double quotes');
    this.#match(STRING, 'the end of the string, or a valid escape');
    this.#space();
    if (this.#text[this.#at] !== ':') throw new Wrong(this.#at, '":" after the name');
    this.#at++;
  }

  #scalar(): void {
    if (this.#text[this.#at] === '"') this.#match(STRING, 'the end of the string, or a valid escape');
    else this.#match(SCALAR, 'a value');
  }

  #match(pattern: RegExp, expected: string): void {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) throw new Wrong(this.#at, expected);
    this.#at = pattern.lastIndex;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids control characters inside strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
