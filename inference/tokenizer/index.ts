// The tokenizers: any Hugging Face tokenizer.json (and older vocabulary files), ids equal to Python's `tokenizers`.
// No dependency, and nothing from outside this folder.
export { type Chunk, type ChunkOptions, chunk } from './chunk.js';
export type { DecodeStream } from './decode-stream.js';
export type { Encoding } from './encoding.js';
export { TokenizerError } from './error.js';
export { loadTokenizer } from './load.js';
export { utf8Offsets } from './offsets.js';
export { type PaddingOptions, padEncodings } from './padding.js';
export { type Span, sentences } from './sentences.js';
export { createTokenizer, type EncodeOptions, type SpecialToken, type Tokenizer } from './tokenizer.js';
