/**
 * Whether a summary is in the language of its source, as far as letters and the smallest words say: enough to notice that a model has
 * written in another one than it read. What is not clear (a list of names, a mixture, a language that is not in the table) passes.
 */
import { wordsOf } from '../../inference/extract/index.js';

/** Code units that are looked at: the beginning says what a text is in. */
const LOOK_UNITS = 20_000;
/** Share of the letters a script must have to be that of the text. */
const SCRIPT_SHARE = 0.8;
/** Small words that must be found, and how many for each of the language that comes second. */
const WORDS_MIN = 3;
const WORDS_LEAD = 2;

const SCRIPTS = {
  Latin: /\p{Script=Latin}/gu,
  Cyrillic: /\p{Script=Cyrillic}/gu,
  Greek: /\p{Script=Greek}/gu,
  Arabic: /\p{Script=Arabic}/gu,
  Hebrew: /\p{Script=Hebrew}/gu,
  Devanagari: /\p{Script=Devanagari}/gu,
  Bengali: /\p{Script=Bengali}/gu,
  Tamil: /\p{Script=Tamil}/gu,
  Thai: /\p{Script=Thai}/gu,
  Korean: /\p{Script=Hangul}/gu,
  'Chinese or Japanese': /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu,
} as const;

/** Frequent words that the others of the table have not, or seldom. */
const SMALL_WORDS: Readonly<Record<string, ReadonlySet<string>>> = {
  English: new Set('the and of is was with that for are this from have has been will which they it'.split(' ')),
  German: new Set('der die und ist nicht das ein eine mit auf den dem des sich für wird auch werden wurde'.split(' ')),
  French: new Set('les des est dans une pour pas sur du et aux qui avec ce cette sont été il'.split(' ')),
  Spanish: new Set('el los las del y una por con es fue su se más como también ha'.split(' ')),
  Italian: new Set('il gli della che di per è sono nel con una del alla dei anche più'.split(' ')),
  Portuguese: new Set('os não uma com do da em dos é foi ao das pelo pela também mais'.split(' ')),
  Dutch: new Set('het een van en niet is op dat zijn voor met de wordt ook bij werd'.split(' ')),
};

/** True where it is clear that two texts are not in one language: by their scripts, or by the small words of both. */
export function differs(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => text.slice(0, LOOK_UNITS)) as [string, string];
  const [script, other] = [scriptOf(first), scriptOf(second)];
  if (script === undefined || other === undefined) return false;
  if (script !== other) return true;
  if (script !== 'Latin') return false;
  const [language, another] = [bySmallWords(first), bySmallWords(second)];
  return language !== undefined && another !== undefined && language !== another;
}

function scriptOf(text: string): string | undefined {
  const letters = Object.entries(SCRIPTS).map(([name, of]) => ({ name, count: text.match(of)?.length ?? 0 }));
  const all = letters.reduce((sum, { count }) => sum + count, 0);
  return letters.find(({ count }) => count > 0 && count >= SCRIPT_SHARE * all)?.name;
}

function bySmallWords(text: string): string | undefined {
  const words = wordsOf(text);
  const [first, second] = Object.entries(SMALL_WORDS)
    .map(([name, small]) => ({ name, count: words.filter((word) => small.has(word)).length }))
    .sort((a, b) => b.count - a.count);
  if (!first || !second || first.count < WORDS_MIN || first.count < WORDS_LEAD * second.count) return undefined;
  return first.name;
}
