/**
 * What is known of families of embedders beyond their files: exports for ONNX often leave out the sentence-transformers
 * settings, and a wrong pooling or a missing prompt costs quality without any error. Facts are from the model cards.
 */
import type { Manifest } from './manifest.js';

type EmbedFacts = Pick<NonNullable<Manifest['embed']>, 'pooling' | 'prompts'>;

const FAMILIES: readonly { name: RegExp; facts: EmbedFacts }[] = [
  {
    name: /(?:^|[/_-])bge-(?:small|base|large)-en/i,
    facts: { pooling: 'cls', prompts: { query: 'Represent this sentence for searching relevant passages: ' } },
  },
  { name: /(?:^|[/_-])bge-/i, facts: { pooling: 'cls', prompts: {} } },
  {
    name: /(?:^|[/_-])(?:multilingual-)?e5-(?:small|base|large)(?!.*instruct)/i,
    facts: { pooling: 'mean', prompts: { query: 'query: ', passage: 'passage: ' } },
  },
  {
    name: /snowflake-arctic-embed|mxbai-embed/i,
    facts: { pooling: 'cls', prompts: { query: 'Represent this sentence for searching relevant passages: ' } },
  },
  {
    name: /nomic-embed-text/i,
    facts: { pooling: 'mean', prompts: { query: 'search_query: ', document: 'search_document: ' } },
  },
];

/** Facts for a model's name ("Xenova/bge-small-en-v1.5"); mean pooling without prompts where the family is unknown. */
export function embedFamily(name: string): EmbedFacts {
  const found = FAMILIES.find((family) => family.name.test(name))?.facts;
  return { pooling: found?.pooling ?? 'mean', prompts: { ...found?.prompts } };
}

/** SPLADE models that were published without a SpladePooling module. */
export function sparseFamily(name: string): { pooling: 'max'; activation: 'relu' } | undefined {
  return /splade/i.test(name) ? { pooling: 'max', activation: 'relu' } : undefined;
}
