/**
 * The Huffman code of HPACK (RFC 7541, appendix B), decoding only: what we send is plain, since after the first call nearly
 * everything is an index. The code is canonical, so the lengths say it all. Decoding takes four bits at a time through a
 * table of 257 states; no code is shorter than five bits, so a step completes at most one symbol.
 */
import { Code, ConnectionError } from './codes.js';

/** Length of each symbol's code, 0 to 255 and the end of string; "a" is 5 bits, "z" is 30. */
const LENGTHS =
  'isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfibccccccccccccccccccccccdcdioijbkabababbbaccbbbabcbaabccccckgjix' +
  'prpprrrsrssssststtrstssssqrsrsstrqprrssqsrrtqrssqqrqsrssprrrsrrsvvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwvz';

const END_OF_STRING = 256;
const NO_SYMBOL = 0xffff;
/** A step into the code of the end of string, which must not stand in a text. */
const FAILED = 0xffff;

/** By state * 16 + four bits: the next state, and the symbol that was completed. */
const NEXT = new Uint16Array(257 * 16);
const SYMBOL = new Uint16Array(257 * 16);
/** States in which a text may end: less than a byte of the most significant bits of the end of string. */
const ENDS = new Uint8Array(257);
build();

let scratch = Buffer.allocUnsafeSlow(4_096);

/** The text behind bytes `start` to `end`, as latin1. Throws COMPRESSION_ERROR. */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string {
  const longest = ((end - start) * 8) / 5 + 1;
  if (scratch.length < longest) scratch = Buffer.allocUnsafeSlow(Math.ceil(longest) * 2); // bounded by the header block
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    let step = (state << 4) | (byte >> 4);
    let symbol = SYMBOL[step] as number;
    if (symbol !== NO_SYMBOL) scratch[length++] = symbol;
    state = NEXT[step] as number;
    if (state === FAILED) break;
    step = (state << 4) | (byte & 15);
    symbol = SYMBOL[step] as number;
    if (symbol !== NO_SYMBOL) scratch[length++] = symbol;
    state = NEXT[step] as number;
    if (state === FAILED) break;
  }
  if (state === FAILED || !ENDS[state])
    throw new ConnectionError(Code.COMPRESSION_ERROR, 'a header has a Huffman code that does not end as it must');
  return scratch.toString('latin1', 0, length);
}

/** Fills the tables from LENGTHS: a binary tree first, then every walk of four bits from each of its inner nodes. */
function build(): void {
  // A node is [child at 0, child at 1]: an inner node as its number, a symbol as -1 - symbol, undefined where none yet.
  const tree: [number | undefined, number | undefined][] = [[undefined, undefined]];
  const order = Array.from(LENGTHS, (letter, symbol) => ({ symbol, bits: letter.charCodeAt(0) - 92 }));
  order.sort((a, b) => a.bits - b.bits || a.symbol - b.symbol);
  let code = 0;
  let previous = 0;
  for (const { symbol, bits } of order) {
    code *= 2 ** (bits - previous);
    previous = bits;
    let node = 0;
    for (let bit = bits - 1; bit > 0; bit--) {
      const side = Math.floor(code / 2 ** bit) % 2;
      const branch = tree[node] as [number | undefined, number | undefined];
      branch[side] ??= tree.push([undefined, undefined]) - 1;
      node = branch[side] as number;
    }
    (tree[node] as [number | undefined, number | undefined])[code % 2] = -1 - symbol;
    code++;
  }
  for (let state = 0; state < tree.length; state++) {
    for (let four = 0; four < 16; four++) {
      let node = state;
      let symbol = NO_SYMBOL;
      for (let bit = 3; bit >= 0 && node !== FAILED; bit--) {
        const child = tree[node]?.[(four >> bit) & 1] as number;
        if (child >= 0) node = child;
        else if (child === -1 - END_OF_STRING) node = FAILED;
        else {
          symbol = -1 - child;
          node = 0;
        }
      }
      NEXT[state * 16 + four] = node;
      SYMBOL[state * 16 + four] = symbol;
    }
  }
  ENDS[0] = 1;
  for (let ones = 1, node = 0; ones <= 7; ones++) {
    node = tree[node]?.[1] as number;
    ENDS[node] = 1;
  }
}
