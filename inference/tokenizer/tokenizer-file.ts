// Reading tokenizer.json from its bytes. Nearly all of such a file is the model's vocabulary and merges, which JSON.parse
// would turn into hundreds of thousands of strings and properties only for us to hash them again; so these two are read
// here, byte by byte, straight into tables, and only the rest is given to JSON.parse. Files of another shape than usual
// are left to JSON.parse whole.
import { ByteReader, OPEN_LIST, OPEN_OBJECT, UnexpectedByte } from './json-bytes.js';
import type { MergeList, PieceTable, TokenTable } from './token-table.js';

/** Parses tokenizer.json; the model's vocab and merges become a TokenTable or PieceTable, and a MergeList. */
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
  merges: MergeList | undefined;
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
        else if (inner === 'merges' && kind === OPEN_LIST) found.merges = reader.readMerges();
        else {
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
