// Reading tokenizer.json from its bytes. Nearly all of such a file is the model's vocabulary and merges, which JSON.parse
// would turn into hundreds of thousands of strings and properties only for us to hash them again; so these two are read
// here, byte by byte, straight into tables, and only the rest is given to JSON.parse. Files of another shape than usual
// are left to JSON.parse whole.
import { TokenizerError } from './error.js';
import { HASH_SEED, hashStep } from './hash.js';
import { powerOfTen } from './scores.js';
import { TokenTable } from './token-table.js';

/** Pieces of a Unigram model: texts with ids in order, and scores. */
export class PieceTable {
  readonly tokens = new TokenTable();
  scores = new Float64Array(1 << 10);

  addScore(score: number): void {
    const at = this.tokens.count - 1;
    if (at === this.scores.length) {
      const larger = new Float64Array(2 * at);
      larger.set(this.scores);
      this.scores = larger;
    }
    this.scores[at] = score;
  }
}

/** Merges as they stand in the file: a list of "a b" or of ["a", "b"]. */
export class MergeBytes {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Parses tokenizer.json; the model's vocab and merges become a TokenTable or PieceTable, and MergeBytes. */
export function parseTokenizerFile(bytes: Uint8Array): unknown {
  const found = readModel(bytes);
  const text = (from: number, to: number) =>
    Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
  if (found === undefined) return JSON.parse(text(0, bytes.length));
  // What was read is cut out and leaves null behind.
  let rest = '';
  let from = 0;
  for (const { start, end } of found.cuts) {
    rest += `${text(from, start)}null`;
    from = end;
  }
  const config = JSON.parse(rest + text(from, bytes.length)) as { model: Record<string, unknown> };
  if (found.vocab !== undefined) config.model.vocab = found.vocab;
  if (found.merges !== undefined) config.model.merges = found.merges;
  return config;
}

interface FoundModel {
  vocab: TokenTable | PieceTable | undefined;
  merges: MergeBytes | undefined;
  cuts: { start: number; end: number }[];
}

/** Finds model.vocab and model.merges; undefined when the file is not as expected, which JSON.parse then judges. */
function readModel(bytes: Uint8Array): FoundModel | undefined {
  const found: FoundModel = { vocab: undefined, merges: undefined, cuts: [] };
  const reader = new ByteReader(bytes);
  try {
    for (const key of reader.keys()) {
      if (key !== 'model' || reader.peek() !== OPEN_OBJECT) {
        reader.skipValue();
        continue;
      }
      for (const inner of reader.keys()) {
        const start = reader.at;
        const kind = reader.peek();
        if (inner === 'vocab' && kind === OPEN_OBJECT) found.vocab = reader.readVocabulary();
        else if (inner === 'vocab' && kind === OPEN_LIST) found.vocab = reader.readPieces();
        else if (inner === 'merges' && kind === OPEN_LIST) {
          reader.skipValue();
          found.merges = new MergeBytes(bytes, start, reader.at);
        } else {
          reader.skipValue();
          continue;
        }
        found.cuts.push({ start, end: reader.at });
      }
    }
  } catch (error) {
    if (error instanceof UnexpectedByte) return undefined;
    throw error;
  }
  return found.cuts.length === 0 ? undefined : found;
}

/** Not the JSON that was expected here. */
class UnexpectedByte extends TokenizerError {}

/** Walks over JSON in UTF-8. */
export class ByteReader {
  /** The string read last: its units, how many, and their hash. */
  units = new Uint16Array(1 << 10);
  length = 0;
  hash = 0;

  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** The next byte that is not a space, not taken. */
  peek(): number {
    const { bytes } = this;
    for (;;) {
      const byte = bytes[this.at] ?? 0;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.at++;
    }
  }

  expect(byte: number): void {
    if (this.peek() !== byte) throw new UnexpectedByte(`unexpected byte ${this.at} in tokenizer.json`);
    this.at++;
  }

  /** Takes a comma, or the end of a list or object, which it reports. */
  ends(close: number): boolean {
    const byte = this.peek();
    this.at++;
    if (byte === close) return true;
    if (byte !== COMMA) throw new UnexpectedByte(`unexpected byte ${this.at} in tokenizer.json`);
    return false;
  }

  /** Takes `byte` if it is next. */
  takes(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.at++;
    return true;
  }

  /** The keys of an object; the caller takes each value. */
  *keys(): Generator<string> {
    this.expect(OPEN_OBJECT);
    if (this.takes(CLOSE_OBJECT)) return;
    do {
      this.readString();
      this.expect(COLON);
      this.peek();
      yield String.fromCharCode(...this.units.subarray(0, this.length));
    } while (!this.ends(CLOSE_OBJECT));
  }

  /** Reads a string into `units`. */
  readString(): void {
    this.expect(QUOTE);
    const { bytes } = this;
    let { units } = this;
    let at = this.at;
    let length = 0;
    let hash = HASH_SEED;
    for (;;) {
      if (length + 2 > units.length) {
        const larger = new Uint16Array(2 * units.length);
        larger.set(units);
        units = larger;
        this.units = larger;
      }
      const byte = bytes[at++];
      if (byte === undefined || byte < 0x20) throw new UnexpectedByte(`unexpected byte ${at} in tokenizer.json`);
      let unit = byte;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        unit = this.escapeAt(at);
        at += bytes[at] === 0x75 ? 5 : 1;
      } else if (byte >= 0x80) {
        const second = (bytes[at++] as number) & 0x3f;
        if (byte < 0xe0) unit = ((byte & 0x1f) << 6) | second;
        else {
          const third = (bytes[at++] as number) & 0x3f;
          if (byte < 0xf0) unit = ((byte & 0x0f) << 12) | (second << 6) | third;
          else {
            const point = ((byte & 0x07) << 18) | (second << 12) | (third << 6) | ((bytes[at++] as number) & 0x3f);
            const high = 0xd800 + ((point - 0x10000) >> 10);
            units[length++] = high;
            hash = hashStep(hash, high);
            unit = 0xdc00 + (point & 0x3ff);
          }
        }
      }
      units[length++] = unit;
      hash = hashStep(hash, unit);
    }
    this.at = at;
    this.length = length;
    this.hash = hash;
  }

  private escapeAt(at: number): number {
    switch (this.bytes[at]) {
      case 0x75: {
        const digits = String.fromCharCode(...this.bytes.subarray(at + 1, at + 5));
        if (!/^[0-9A-Fa-f]{4}$/.test(digits)) throw new UnexpectedByte(`unexpected byte ${at} in tokenizer.json`);
        return Number.parseInt(digits, 16);
      }
      case 0x6e:
        return 10;
      case 0x74:
        return 9;
      case 0x72:
        return 13;
      case 0x62:
        return 8;
      case 0x66:
        return 12;
      case QUOTE:
      case BACKSLASH:
      case 0x2f:
        return this.bytes[at] as number;
      default:
        throw new UnexpectedByte(`unexpected byte ${at} in tokenizer.json`);
    }
  }

  skipValue(): void {
    const { bytes } = this;
    const first = this.peek();
    if (first === QUOTE) {
      this.skipString();
      return;
    }
    if (first !== OPEN_LIST && first !== OPEN_OBJECT) {
      while (this.at < bytes.length && !isDelimiter(bytes[this.at] as number)) this.at++;
      return;
    }
    let depth = 0;
    while (this.at < bytes.length) {
      const byte = bytes[this.at] as number;
      if (byte === QUOTE) {
        this.skipString();
        continue;
      }
      this.at++;
      if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
      else if ((byte === CLOSE_LIST || byte === CLOSE_OBJECT) && --depth === 0) return;
    }
    throw new UnexpectedByte('tokenizer.json ends too early');
  }

  private skipString(): void {
    const { bytes } = this;
    let at = this.at + 1;
    while (at < bytes.length) {
      const byte = bytes[at++];
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) {
        this.at = at;
        return;
      }
    }
    throw new UnexpectedByte('tokenizer.json ends too early');
  }

  /** `{ "token": id, … }` */
  readVocabulary(): TokenTable {
    const table = new TokenTable();
    this.expect(OPEN_OBJECT);
    if (this.takes(CLOSE_OBJECT)) return table;
    do {
      this.readString();
      this.expect(COLON);
      let id = 0;
      let digits = 0;
      this.peek();
      for (;;) {
        const digit = (this.bytes[this.at] as number) - 0x30;
        if (!(digit >= 0 && digit <= 9)) break;
        id = id * 10 + digit;
        digits++;
        this.at++;
      }
      if (digits === 0 || digits > 9) throw new UnexpectedByte(`unexpected byte ${this.at} in tokenizer.json`);
      this.keep(table, id);
    } while (!this.ends(CLOSE_OBJECT));
    return table;
  }

  /** `[["piece", score], …]` */
  readPieces(): PieceTable {
    const pieces = new PieceTable();
    this.expect(OPEN_LIST);
    if (this.takes(CLOSE_LIST)) return pieces;
    do {
      this.expect(OPEN_LIST);
      this.readString();
      this.expect(COMMA);
      this.keep(pieces.tokens, pieces.tokens.count);
      pieces.addScore(this.readScore());
      this.expect(CLOSE_LIST);
    } while (!this.ends(CLOSE_LIST));
    return pieces;
  }

  private keep(table: TokenTable, id: number): void {
    const { length, units } = this;
    const start = table.begin(length);
    const target = table.units;
    for (let i = 0; i < length; i++) target[start + i] = units[i] as number;
    table.finish(start + length, this.hash, id);
  }

  /** A number as the library reads it: the digits as an integer, divided by a power of ten; see `scoreAsRead`. */
  readScore(): number {
    const { bytes } = this;
    const negative = this.takes(0x2d);
    this.peek();
    let high = 0;
    let low = 0;
    let digits = 0;
    let exponent = 0;
    let seen = 0;
    let fraction = false;
    for (;;) {
      const byte = bytes[this.at] as number;
      const digit = byte - 0x30;
      if (digit >= 0 && digit <= 9) {
        if (digits < 9) high = high * 10 + digit;
        else low = low * 10 + digit;
        if (high > 0) digits++;
        seen++;
        if (fraction) exponent--;
      } else if (byte === 0x2e && !fraction) fraction = true;
      else break;
      this.at++;
    }
    if (seen === 0 || digits > 18) throw new UnexpectedByte(`unexpected byte ${this.at} in tokenizer.json`);
    if (bytes[this.at] === 0x65 || bytes[this.at] === 0x45) {
      const start = ++this.at;
      while (!isDelimiter(bytes[this.at] ?? COMMA)) this.at++;
      exponent += Number(String.fromCharCode(...bytes.subarray(start, this.at)));
    }
    const whole = digits > 9 ? high * powerOfTen(digits - 9) + low : high;
    const power = powerOfTen(Math.abs(exponent));
    const size = exponent < 0 ? whole / power : whole * power;
    if (!Number.isFinite(size)) throw new TokenizerError('a score of the Unigram model is no number');
    return negative ? -size : size;
  }
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT || byte <= 0x20;
}
