// JSON in UTF-8 read byte by byte: strings go as code units straight into whoever keeps them, hashed on the way, so that a
// vocabulary of 250,000 tokens is never 250,000 JavaScript strings. Anything unexpected throws UnexpectedByte.
import { TokenizerError } from './error.js';
import { HASH_SEED, hashUnits } from './hash.js';
import { powerOfTen } from './scores.js';
import { MergeList, PieceTable, TokenTable, UnitList } from './token-table.js';

/** Not the JSON that was expected here. */
export class UnexpectedByte extends TokenizerError {}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
export const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
export const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Walks over JSON in UTF-8. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** The next byte that is not a space, not taken. */
  peek(): number {
    const { bytes } = this;
    let { at } = this;
    let byte = 0;
    while (at < bytes.length) {
      byte = bytes[at] as number;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
      byte = 0;
      at++;
    }
    this.at = at;
    return byte;
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
    const key = new UnitList(1 << 4);
    do {
      key.end = 0;
      this.readString(key);
      this.expect(COLON);
      this.peek();
      yield String.fromCharCode(...key.units.subarray(0, key.end));
    } while (!this.ends(CLOSE_OBJECT));
  }

  /** Appends a string to the text that `into` is being written. */
  readString(into: UnitList): void {
    this.expect(QUOTE);
    const { bytes } = this;
    for (;;) {
      // Each byte makes one unit at most.
      const room = into.units.length - into.end;
      const copied = copyAscii(bytes, this.at, into.units, into.end, room);
      this.at += copied;
      into.end += copied;
      if (room - copied < 2) into.reserve(2);
      else if (this.readUnusual(into)) return;
    }
  }

  /**
   * As readString, with the hash of what was read. All in one loop, which the compiler reaches long before it would reach several:
   * the first load of a process is over in the time that takes.
   */
  readHashed(into: UnitList): number {
    this.expect(QUOTE);
    const { bytes, at: start } = this;
    const { units } = into;
    const room = units.length;
    let at = start;
    let to = into.end;
    let hash = HASH_SEED;
    while (to < room) {
      let unit = bytes[at++] as number;
      if (unit >= 0x80) {
        const next = (bytes[at++] as number) & 0x3f;
        if (unit < 0xe0) unit = ((unit & 0x1f) << 6) | next;
        else if (unit < 0xf0) unit = ((unit & 0x0f) << 12) | (next << 6) | ((bytes[at++] as number) & 0x3f);
        else break;
      } else if (unit === QUOTE) {
        into.end = to;
        this.at = at;
        return hash;
      } else if (!(unit >= 0x20) || unit === BACKSLASH) break;
      units[to++] = unit;
      hash = Math.imul(hash ^ unit, 0x01000193) ^ (hash >>> 15);
    }
    const from = into.end;
    this.at = start - 1;
    this.readString(into);
    return hashUnits(into.units, from, into.end);
  }

  /** The end of a string, of which it reports, or a character that is more than its byte. */
  private readUnusual(into: UnitList): boolean {
    const { bytes } = this;
    const { units } = into;
    const byte = bytes[this.at++] as number;
    if (byte === QUOTE) return true;
    let unit: number;
    if (byte === BACKSLASH) {
      unit = this.escapeAt(this.at);
      this.at += bytes[this.at] === 0x75 ? 5 : 1;
    } else if (byte >= 0x80) {
      const second = (bytes[this.at++] as number) & 0x3f;
      if (byte < 0xe0) unit = ((byte & 0x1f) << 6) | second;
      else {
        const third = (bytes[this.at++] as number) & 0x3f;
        if (byte < 0xf0) unit = ((byte & 0x0f) << 12) | (second << 6) | third;
        else {
          const point = ((byte & 0x07) << 18) | (second << 12) | (third << 6) | ((bytes[this.at++] as number) & 0x3f);
          units[into.end++] = 0xd800 + ((point - 0x10000) >> 10);
          unit = 0xdc00 + (point & 0x3ff);
        }
      }
    } else throw new UnexpectedByte(`unexpected byte ${this.at} in tokenizer.json`);
    units[into.end++] = unit;
    return false;
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

  /** Native code finds the quote: a charsmap of 300 KB is one string. */
  private skipString(): void {
    const { bytes } = this;
    let at = this.at + 1;
    for (;;) {
      const quote = bytes.indexOf(QUOTE, at);
      if (quote < 0) throw new UnexpectedByte('tokenizer.json ends too early');
      let before = quote;
      while (bytes[before - 1] === BACKSLASH && before > at) before--;
      at = quote + 1;
      if ((quote - before) % 2 === 0) break;
    }
    this.at = at;
  }

  /** An entry is some 16 bytes and more; of a large file most is merges. */
  private tokensExpected(): number {
    return Math.min(Math.max(this.bytes.length >> 4, 1 << 6), 1 << 16);
  }

  /** `{ "token": id, … }` */
  readVocabulary(): TokenTable {
    const { bytes } = this;
    const table = new TokenTable(this.tokensExpected());
    this.expect(OPEN_OBJECT);
    if (this.takes(CLOSE_OBJECT)) return table;
    do {
      const hash = this.readHashed(table);
      this.expect(COLON);
      this.peek();
      let id = 0;
      let at = this.at;
      for (;;) {
        const digit = (bytes[at] as number) - 0x30;
        if (!(digit >= 0 && digit <= 9)) break;
        id = id * 10 + digit;
        at++;
      }
      const digits = at - this.at;
      this.at = at;
      if (digits === 0 || digits > 9) throw new UnexpectedByte(`unexpected byte ${this.at} in tokenizer.json`);
      table.finish(id, hash);
    } while (!this.ends(CLOSE_OBJECT));
    return table;
  }

  /** `[["piece", score], …]` */
  readPieces(): PieceTable {
    const pieces = new PieceTable(this.tokensExpected());
    const { tokens } = pieces;
    this.expect(OPEN_LIST);
    if (this.takes(CLOSE_LIST)) return pieces;
    do {
      this.expect(OPEN_LIST);
      const hash = this.readHashed(tokens);
      this.expect(COMMA);
      tokens.finish(tokens.count, hash);
      pieces.addScore(this.readScore());
      this.expect(CLOSE_LIST);
    } while (!this.ends(CLOSE_LIST));
    return pieces;
  }

  /** `["left right", …]` or `[["left", "right"], …]` */
  readMerges(): MergeList {
    const merges = new MergeList();
    this.expect(OPEN_LIST);
    if (this.takes(CLOSE_LIST)) return merges;
    do {
      if (this.takes(OPEN_LIST)) {
        this.readString(merges);
        const middle = merges.end;
        this.expect(COMMA);
        this.readString(merges);
        this.expect(CLOSE_LIST);
        merges.finish(middle);
      } else {
        this.readString(merges);
        merges.finishLine();
      }
    } while (!this.ends(CLOSE_LIST));
    return merges;
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
    let point = -1;
    const start = this.at;
    let at = start;
    for (; ; at++) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit >= 0 && digit <= 9) {
        if (digits < 9) high = high * 10 + digit;
        else low = low * 10 + digit;
        if (high > 0) digits++;
      } else if (digit === -2 && point < 0) point = at;
      else break;
    }
    if (point >= 0) exponent = point + 1 - at;
    const seen = point < 0 ? at - start : at - start - 1;
    this.at = at;
    if (seen === 0 || digits > 18) throw new UnexpectedByte(`unexpected byte ${this.at} in tokenizer.json`);
    if (bytes[this.at] === 0x65 || bytes[this.at] === 0x45) {
      const from = ++this.at;
      while (!isDelimiter(bytes[this.at] ?? COMMA)) this.at++;
      exponent += Number(String.fromCharCode(...bytes.subarray(from, this.at)));
    }
    const whole = digits > 9 ? high * powerOfTen(digits - 9) + low : high;
    const power = powerOfTen(Math.abs(exponent));
    const size = exponent < 0 ? whole / power : whole * power;
    if (!Number.isFinite(size)) throw new TokenizerError('a score of the Unigram model is no number');
    return negative ? -size : size;
  }
}

/** Copies bytes below 128 up to a quote, a backslash or a control, `room` at most, and says how many. */
function copyAscii(bytes: Uint8Array, from: number, units: Uint16Array, to: number, room: number): number {
  const most = Math.min(room, bytes.length - from);
  let i = 0;
  for (; i < most; i++) {
    const byte = bytes[from + i] as number;
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20 || byte >= 0x80) break;
    units[to + i] = byte;
  }
  return i;
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT || byte <= 0x20;
}
