/** The constants of the sentence score, from the manifest of an extractive model; made by models/training/extractive.py. */
import { MeshError } from '../../chassis/errors.js';
import type { Manifest } from '../../models/index.js';

/** What a sentence is scored by; the order is that of a row of features. */
export const FEATURES = [
  'centrality',
  'lead',
  'first',
  'second',
  'third',
  'early',
  'late',
  'length',
  'long',
  'frequency',
  'cue',
  'number',
  'quote',
  'dangling',
] as const;

export type Feature = (typeof FEATURES)[number];

export type Weights = Readonly<Record<Feature | 'novelty', number>>;

export interface ExtractiveWeights {
  /** For texts of up to 10 sentences. */
  short: Weights;
  /** For texts of 25 sentences and more; between the two, a line. */
  long: Weights;
  /** Words that announce what a text is about. */
  cues: ReadonlySet<string>;
  /** First words that lean on the sentence before. */
  dangling: ReadonlySet<string>;
}

/** For vectors of words alone, where no tuned model is at hand. Set by hand: central, early and of middling length is good. */
const BY_HAND: Weights = {
  centrality: 1,
  lead: 0.2,
  first: 0.3,
  second: 0.1,
  third: 0.1,
  early: 0.5,
  late: -0.1,
  length: 0.3,
  long: -0.2,
  frequency: 0.3,
  cue: 0,
  number: 0.05,
  quote: 0,
  dangling: -0.1,
  novelty: 1,
};
export const LEXICAL_WEIGHTS: ExtractiveWeights = {
  short: BY_HAND,
  long: BY_HAND,
  cues: new Set(),
  dangling: new Set(),
};

const SHORT_MAX = 10;
const LONG_MIN = 25;

/** MODEL_UNSUPPORTED where a constant is missing. */
export function readWeights(manifest: Manifest): ExtractiveWeights {
  const given = manifest.summarize?.weights ?? {};
  const refuse = (what: string): MeshError =>
    new MeshError(
      'MODEL_UNSUPPORTED',
      `${manifest.name}@${manifest.version} cannot choose sentences: summarize.weights has no ${what}`,
    );
  const group = (name: string): Weights => {
    const values = given[name];
    if (typeof values !== 'object' || Array.isArray(values)) throw refuse(name);
    for (const feature of [...FEATURES, 'novelty'])
      if (typeof values[feature] !== 'number') throw refuse(`${name}.${feature}`);
    return values as Weights;
  };
  const words = (name: string): ReadonlySet<string> => {
    const values = given[name];
    if (!Array.isArray(values)) throw refuse(name);
    return new Set(values);
  };
  return { short: group('short'), long: group('long'), cues: words('cues'), dangling: words('dangling') };
}

/** The weights for a text of so many sentences. */
export function weightsFor({ short, long }: ExtractiveWeights, sentences: number): Weights {
  const share = Math.min(1, Math.max(0, (sentences - SHORT_MAX) / (LONG_MIN - SHORT_MAX)));
  const mixed: Record<string, number> = {};
  for (const name of [...FEATURES, 'novelty'] as const) mixed[name] = short[name] + share * (long[name] - short[name]);
  return mixed as Weights;
}
