/**
 * Random texts against @huggingface/tokenizers, a second reading of the same files that needs no Python. It knows fewer kinds of
 * tokenizers, so those it reads otherwise than the Rust library are left to differential.sh. PLEXUS_SEED tries another seed,
 * PLEXUS_RUNS more texts.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer as Oracle } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { createTokenizer } from '../../../inference/tokenizer/index.js';
import { shared } from '../../kit/shared.js';
import { fixtureJson, root } from './fixtures.js';

const SEED = Number(process.env.PLEXUS_SEED ?? 20_261_128);
const RUNS = Number(process.env.PLEXUS_RUNS ?? 100);

interface TokenizerJson {
  added_tokens: { content: string; special: boolean }[];
  post_processor: { type: string };
  model: { vocab: Record<string, number> | [string, number][] };
}

/** Its words and marks are in many scripts; what Unicode has not assigned, controls and lone marks are the other test's. */
const WORDS = [
  "The doesn't I'LL Größe été naïve 日本 名前は ニャー 한국어 Привет мир مرحبا שלום สวัสดี नमस्ते 1,000.50 3.14 … ... ?! U.S. a-b foo_bar @user #1".split(
    ' ',
  ),
  [
    '👍🏽',
    '👩‍🚀',
    '😀',
    'e\u0301',
    'ﬁ',
    '½',
    '№',
    '  ',
    '\n',
    '\t',
    '\r\n',
    '\u00a0',
    '\u3000',
    '<',
    '[MASK',
    '▁',
    '##',
  ],
].flat();

/** Fixtures, of whose added tokens only the plain ones are kept; the starter models; real ones where the shared folder is. */
function files(): [string, TokenizerJson][] {
  const found: [string, TokenizerJson][] = [];
  for (const name of ['word-piece-uncased', 'byte-level-bpe', 'byte-level-bpe-regex', 'byte-fallback-bpe']) {
    const json = fixtureJson(name) as unknown as TokenizerJson;
    const plain = json.added_tokens.filter(({ content, special }) => special && content !== '<mask>');
    found.push([name, { ...json, added_tokens: plain }]);
  }
  const folders = ['sentiment-en/1', 'langid/1'].map((name) => join(root, 'models/store', name));
  const real = shared('tokenizers');
  if (real !== undefined) folders.push(...readdirSync(real).map((name) => join(real, name)));
  for (const folder of folders) {
    const file = join(folder, 'tokenizer.json');
    if (existsSync(file))
      found.push([folder.split('/').slice(-2).join('/'), JSON.parse(readFileSync(file, 'utf8')) as TokenizerJson]);
  }
  return found;
}

function textsOf({ added_tokens: added, model: { vocab } }: TokenizerJson): fc.Arbitrary<string> {
  const pieces = Array.isArray(vocab) ? vocab.map(([piece]) => piece) : Object.keys(vocab);
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...pieces) },
    { weight: 4, arbitrary: fc.string({ maxLength: 12 }) },
    { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
    { weight: 2, arbitrary: fc.constantFrom(...added.map(({ content }) => content)) },
  );
  return fc
    .array(fc.tuple(piece, fc.constantFrom('', ' ', ' ')), { maxLength: 10 })
    .map((parts) => parts.flat().join(''));
}

describe(`tokenizers against @huggingface/tokenizers, seed ${SEED}`, () => {
  for (const [name, json] of files()) {
    it(`gives its ids of ${RUNS} random texts and pairs: ${name}`, () => {
      const ours = createTokenizer(json);
      const oracle = new Oracle(json, {});
      const texts = textsOf(json);
      // Where no template says how two texts stand together, the oracle leaves out the second.
      const alone = json.post_processor.type === 'ByteLevel';
      fc.assert(
        fc.property(texts, texts, (text, pair) => {
          assert.deepEqual([...ours.encodeIds(text)], oracle.encode(text).ids);
          if (alone) return;
          // An empty text of two is none to the oracle.
          const [first, second] = [`a${text}`, `b${pair}`];
          assert.deepEqual([...ours.encodePair(first, second).ids], oracle.encode(first, { text_pair: second }).ids);
        }),
        { seed: SEED, numRuns: RUNS },
      );
    }).timeout(60_000);
  }
});
