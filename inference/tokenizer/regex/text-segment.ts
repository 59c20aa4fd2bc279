// Where one grapheme cluster ends and the next begins, as a condition inside a regular expression: Oniguruma's \X, \y, \Y.
import { unpackRanges } from '../unicode/points.js';
import { GRAPHEME } from '../unicode/tables.js';
import { ANY, bodyOf, pictographicClass } from './character-class.js';

let inside: string | undefined;

/** Matches between two characters of one cluster: \Y. */
export function insideCluster(): string {
  inside ??= readInside();
  return inside;
}

/** Matches where a cluster begins or ends: \y. */
export function clusterBorder(): string {
  return `(?!${insideCluster()})`;
}

/** One cluster: \X. Never less than the whole of it, which follows from where it may end. */
export function cluster(): string {
  return `(?:${ANY}(?:${insideCluster()}${ANY})*${clusterBorder()})`;
}

function readInside(): string {
  const groups = GRAPHEME.split('|').map((packed) => bodyOf({ ranges: unpackRanges(packed) }));
  const [control, extend, , , l, prepend, regional, spacing, t, v] = groups as string[];
  const pictographic = pictographicClass();
  const lv: string[] = [];
  for (let point = 0xac00; point < 0xd7a4; point += 28) lv.push(`\\u{${point.toString(16)}}`);
  const hangul = '\\u{ac00}-\\u{d7a3}';
  const breaks = `\\r\\n${control}`;
  const joiner = '\\u200d';
  return `(?:${[
    '(?<=\\r)(?=\\n)',
    `(?<=[${l}])(?=[${l}${v}${hangul}])`,
    `(?<=[${v}${lv.join('')}])(?=[${v}${t}])`,
    `(?<=[[${hangul}${t}]--[${lv.join('')}]])(?=[${t}])`,
    `(?<=[^${breaks}])(?=[${extend}${spacing}${joiner}])`,
    `(?<=[${prepend}])(?=[^${breaks}])`,
    `(?<=[${pictographic}][${extend}]*${joiner})(?=[${pictographic}])`,
    `(?<=(?<![${regional}])(?:[${regional}]{2})*[${regional}])(?=[${regional}])`,
  ].join('|')})`;
}
