// Compares our tokenizers with the lines that differential.py prints; says how many strings differ and shows the first.
// Run by hand, see differential.py.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  createTokenizer,
  type EncodeOptions,
  type Encoding,
  type PaddingOptions,
  padEncodings,
  type Tokenizer,
} from '../../../inference/tokenizer/index.js';
import { parseTokenizerFile } from '../../../inference/tokenizer/tokenizer-file.js';

/** ids, type ids, special tokens mask, offsets in code points, words, sequences, tokens, overflowing, decoded texts. */
export type Fields = [
  number[],
  number[],
  number[],
  number[],
  number[],
  number[],
  string[],
  Fields[],
  ([string, string] | null)?,
];

/** text, second text, options, special tokens, and the result or the error's text. */
export type Line = [string, string | null, Partial<EncodeOptions> | null, boolean, Fields | string];

/** Texts of a batch, second texts, padding and any limit, special tokens, and each result with its attention mask. */
export type PaddedLine = [
  string[],
  string[] | null,
  { padding: PaddingOptions; maxTokens?: number },
  true,
  PaddedFields[],
];

/** As Fields, with the attention mask in place of the decoded texts. */
type PaddedFields = [...(Required<Fields> extends [...infer Before, unknown] ? Before : never), number[]];

/** Where each code unit stands, in code points. */
function pointsOf(text: string): Uint32Array {
  const points = new Uint32Array(text.length + 1);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    points[i] = at;
    if ((text.codePointAt(i) as number) > 0xffff) points[++i] = at;
    at++;
  }
  points[text.length] = at;
  return points;
}

/** Without what inner pieces repeat; where no post-processor numbers the texts, pieces are not numbered by them. */
function comparable(pieces: readonly Fields[]): Fields[] {
  return pieces.map((piece) => [...piece.slice(0, 5), [], piece[6], []] as unknown as Fields);
}

function fieldsOf(encoding: Encoding, points: readonly Uint32Array[]): Fields {
  return [
    [...encoding.ids],
    [...encoding.typeIds],
    [...encoding.specialTokensMask],
    [...encoding.offsets].map((at, i) => {
      const sequence = encoding.sequenceIds[i >> 1] as number;
      return sequence < 0 ? at : ((points[sequence] as Uint32Array)[at] ?? -1);
    }),
    [...encoding.wordIds],
    [...encoding.sequenceIds],
    [...encoding.tokens],
    encoding.overflowing.map((piece) => fieldsOf(piece, points)),
  ];
}

const NAMES = ['ids', 'typeIds', 'special', 'offsets', 'words', 'sequences', 'tokens', 'overflowing'];

/** What differs between our result and the expected one, or undefined. */
export function difference(tokenizer: Tokenizer, [text, pair, options, specials, expected]: Line): string | undefined {
  const all = { ...options, addSpecialTokens: specials };
  let encoding: Encoding;
  try {
    encoding = pair === null ? tokenizer.encode(text, all) : tokenizer.encodePair(text, pair, all);
  } catch (error) {
    return typeof expected === 'string' ? undefined : `threw ${String(error)}`;
  }
  if (typeof expected === 'string') return `did not throw: ${expected}`;
  const points = [pointsOf(text), pointsOf(pair ?? '')];
  const [, , , , , , , , decoded] = expected;
  const ours = fieldsOf(encoding, points);
  for (let i = 0; i < NAMES.length; i++) {
    const a = JSON.stringify(i === 7 ? comparable(ours[7]) : ours[i]);
    const b = JSON.stringify(i === 7 ? comparable(expected[7]) : expected[i]);
    if (a !== b) return `${NAMES[i]}\n   ours ${a.slice(0, 300)}\n theirs ${b.slice(0, 300)}`;
  }
  if (pair === null) {
    const ids = tokenizer.encodeIds(text, all);
    if (JSON.stringify([...ids]) !== JSON.stringify(expected[0]))
      return `encodeIds ${JSON.stringify([...ids]).slice(0, 600)}`;
    const whole = options === null ? expected[0].length : undefined;
    if (whole !== undefined && tokenizer.count(text, specials) !== whole) return 'count';
  }
  if (decoded !== null && decoded !== undefined) {
    const plain = tokenizer.decode(encoding.ids);
    if (plain !== decoded[0]) return `decode\n   ours ${JSON.stringify(plain)}\n theirs ${JSON.stringify(decoded[0])}`;
    const full = tokenizer.decode(encoding.ids, { skipSpecialTokens: false });
    if (full !== decoded[1])
      return `decode with special tokens\n   ours ${JSON.stringify(full)}\n theirs ${JSON.stringify(decoded[1])}`;
  }
  return undefined;
}

export function isPadded(line: Line | PaddedLine): line is PaddedLine {
  return Array.isArray(line[0]);
}

/** What differs between our padded batch and the expected one, or undefined. */
export function paddedDifference(tokenizer: Tokenizer, line: PaddedLine): string | undefined {
  const [texts, pairs, { padding, maxTokens }, , expected] = line;
  const options = maxTokens === undefined ? {} : { maxTokens };
  const encodings = texts.map((text, i) =>
    pairs === null ? tokenizer.encode(text, options) : tokenizer.encodePair(text, pairs[i] as string, options),
  );
  const padded = padEncodings(encodings, padding);
  for (const [i, encoding] of padded.entries()) {
    const points = [pointsOf(texts[i] as string), pointsOf(pairs?.[i] ?? '')];
    const want = [...(expected[i] as PaddedFields)] as PaddedFields;
    // Without a post-processor the library counts padding to the first text; it belongs to none.
    want[5] = want[5].map((sequence, at) => (want[8][at] === 0 ? -1 : sequence));
    const ours = [...fieldsOf(encoding, points), [...encoding.attentionMask]];
    for (const [k, name] of [...NAMES, 'attentionMask'].entries()) {
      const a = JSON.stringify(k === 7 ? comparable(ours[7] as Fields[]) : ours[k]);
      const b = JSON.stringify(k === 7 ? comparable(want[7]) : want[k]);
      if (a !== b) return `padded ${name} of text ${i}\n   ours ${a?.slice(0, 300)}\n theirs ${b?.slice(0, 300)}`;
    }
  }
  return undefined;
}

async function main(): Promise<void> {
  let tokenizer: Tokenizer | undefined;
  let name = '';
  let lines = 0;
  let failed = 0;
  const kinds = new Map<string, number>();
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (tokenizer === undefined) {
      name = (JSON.parse(line) as { tokenizer: string }).tokenizer;
      tokenizer = createTokenizer(parseTokenizerFile(readFileSync(name)));
      continue;
    }
    lines++;
    const parsed = JSON.parse(line) as Line | PaddedLine;
    const found = isPadded(parsed) ? paddedDifference(tokenizer, parsed) : difference(tokenizer, parsed);
    if (found === undefined) continue;
    failed++;
    const kind = found.split(/[\n ]/)[0] as string;
    const seen = (kinds.get(kind) ?? 0) + 1;
    kinds.set(kind, seen);
    if (seen <= 3) {
      const shown = JSON.stringify(parsed.slice(0, 4)).replace(
        /[\u007f-\uffff]/g,
        (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
      console.log(`${shown.slice(0, 300)}\n ${found}`);
    }
  }
  console.log(
    `${lines === 0 ? 'NOTHING' : failed === 0 ? 'same' : 'DIFFERENT'}: ${name}: ${lines} strings, ${failed} differ ${JSON.stringify([...kinds])}`,
  );
  process.exitCode = failed === 0 && lines > 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith('differential-run.js')) await main();
