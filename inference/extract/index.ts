/** Choosing sentences: what services may use of it. */
export {
  type ExtractDeps,
  type Extracted,
  type ExtractedSentence,
  type ExtractLength,
  type ExtractOptions,
  extract,
} from './extract.js';
export { dot, unit } from './features.js';
export { lexicalVectors } from './lexical.js';
export { byteOffsets, findSentences, type Sentence } from './sentences.js';
export { inSlices } from './slices.js';
export { type ExtractiveWeights, FEATURES, LEXICAL_WEIGHTS, readWeights, type Weights } from './weights.js';
export { countWords, countWordsInTurns, isContent, wordsOf } from './words.js';
