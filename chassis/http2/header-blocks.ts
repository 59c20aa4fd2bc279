/**
 * Header blocks of a connection, whole: HEADERS and the CONTINUATION frames that may follow, decoded in the order they came,
 * whatever becomes of their stream, since the table must stay in step with the peer's.
 */
import { Code, ConnectionError, Flag } from './codes.js';
import { type HeaderList, HpackDecoder } from './hpack-decoder.js';

/** What SETTINGS_MAX_HEADER_LIST_SIZE says to the peer. */
export const HEADER_LIST_BYTES_MAX = 64 * 1024;
/** A block that is longer is no header list but an attack. */
const BLOCK_BYTES_MAX = 128 * 1024;
const CONTINUATIONS_MAX = 64;

/** A list that was read; undefined where it was longer than the limit. */
export interface Block {
  id: number;
  /** Nothing follows on the stream. */
  last: boolean;
  list: HeaderList | undefined;
}

export class HeaderBlocks {
  readonly #decoder = new HpackDecoder(HEADER_LIST_BYTES_MAX);
  #open: { id: number; last: boolean; parts: Buffer[]; bytes: number } | undefined;

  /** The stream whose block has not ended: nothing but its CONTINUATION may come. */
  get openId(): number | undefined {
    return this.#open?.id;
  }

  /** A HEADERS frame; the block, where it is whole. */
  begin(flags: number, id: number, bytes: Buffer, start: number, end: number): Block | undefined {
    let from = start;
    let to = end;
    if (flags & Flag.PADDED) {
      if (from >= to) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'HEADERS without its padding length');
      to -= bytes[from++] as number;
    }
    if (flags & Flag.PRIORITY) from += 5;
    if (from > to) throw new ConnectionError(Code.PROTOCOL_ERROR, 'padding that is longer than the frame');
    const last = (flags & Flag.END_STREAM) !== 0;
    if (flags & Flag.END_HEADERS) return { id, last, list: this.#decoder.decode(bytes, from, to) };
    this.#open = { id, last, parts: [bytes.subarray(from, to)], bytes: to - from };
    return undefined;
  }

  /** A CONTINUATION frame; the block, where it is whole now. */
  continue(flags: number, bytes: Buffer, start: number, end: number): Block | undefined {
    const open = this.#open;
    if (!open) throw new ConnectionError(Code.PROTOCOL_ERROR, 'CONTINUATION without HEADERS');
    open.parts.push(bytes.subarray(start, end));
    open.bytes += end - start;
    if (open.bytes > BLOCK_BYTES_MAX || open.parts.length > CONTINUATIONS_MAX)
      throw new ConnectionError(Code.ENHANCE_YOUR_CALM, 'a header block beyond any limit');
    if (!(flags & Flag.END_HEADERS)) return undefined;
    this.#open = undefined;
    const whole = Buffer.concat(open.parts, open.bytes);
    return { id: open.id, last: open.last, list: this.#decoder.decode(whole, 0, whole.length) };
  }
}

/** Names that were found well-formed; few differ, and looking them up is cheaper than reading them. */
const goodNames = new Set<string>();
const GOOD_NAMES_MAX = 1_000;
const CONNECTION_HEADERS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/** Section 8.2: names in lower case, nothing of HTTP/1 connections, pseudo-headers first. */
export function wellFormed(list: HeaderList): boolean {
  let regular = false;
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] as string;
    const pseudo = name.charCodeAt(0) === 0x3a;
    if (pseudo && regular) return false;
    regular = !pseudo;
    if (!goodNames.has(name)) {
      if (!/^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || CONNECTION_HEADERS.has(name)) return false;
      if (goodNames.size < GOOD_NAMES_MAX) goodNames.add(name);
    }
  }
  return true;
}
