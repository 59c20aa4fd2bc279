/**
 * How token vectors become one vector, by the names sentence-transformers gives: one mode, or several whose vectors stand one
 * after the other ("cls+mean").
 */
import { MeshError } from '../chassis/errors.js';

/** In the order in which sentence-transformers puts the vectors of several flags that are true. */
export const POOLING_MODES = ['cls', 'max', 'mean', 'mean_sqrt_len', 'weightedmean', 'last'] as const;
export type PoolingMode = (typeof POOLING_MODES)[number];
/** One mode, or several joined by "+": "cls+mean". */
export type Pooling = PoolingMode | `${PoolingMode}+${string}`;

/** Its keys in 1_Pooling/config.json. */
const KEYS: Readonly<Record<PoolingMode, string>> = {
  cls: 'pooling_mode_cls_token',
  max: 'pooling_mode_max_tokens',
  mean: 'pooling_mode_mean_tokens',
  mean_sqrt_len: 'pooling_mode_mean_sqrt_len_tokens',
  weightedmean: 'pooling_mode_weightedmean_tokens',
  last: 'pooling_mode_lasttoken',
};

/** sentence-transformers' names that differ from ours. */
const NAMES: Readonly<Record<string, PoolingMode>> = { mean_sqrt_len_tokens: 'mean_sqrt_len', lasttoken: 'last' };

/** The modes of a pooling, in order. */
export function poolingModes(pooling: Pooling): readonly PoolingMode[] {
  return pooling.split('+') as PoolingMode[];
}

/** True where every part is a mode, and none is there twice. */
export function isPooling(text: string): text is Pooling {
  const modes = text.split('+');
  return modes.every((mode, index) => isMode(mode) && modes.indexOf(mode) === index);
}

function isMode(text: string): text is PoolingMode {
  return (POOLING_MODES as readonly string[]).includes(text);
}

/**
 * The pooling 1_Pooling/config.json asks for: "pooling_mode", one name or several in their order; or flags, all that are true.
 * Undefined where it has neither. MODEL_UNSUPPORTED where it asks for a mode that is not known.
 */
export function readPooling(config: Readonly<Record<string, unknown>>): Pooling | undefined {
  const named = config.pooling_mode;
  if (named === undefined || named === null) {
    const flagged = POOLING_MODES.filter((mode) => config[KEYS[mode]] === true);
    return flagged.length > 0 ? (flagged.join('+') as Pooling) : undefined;
  }
  const pooling = [named]
    .flat()
    .map((name) => NAMES[String(name)] ?? String(name))
    .join('+');
  if (isPooling(pooling)) return pooling;
  throw new MeshError(
    'MODEL_UNSUPPORTED',
    `1_Pooling/config.json: asks for the pooling ${JSON.stringify(pooling.slice(0, 40))}; known are ${POOLING_MODES.join(', ')}`,
  );
}
