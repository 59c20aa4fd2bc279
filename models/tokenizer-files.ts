/** Which files of a folder are its tokenizer: tokenizer.json where there is one, else the older forms that inference reads. */

const FORMS: readonly (readonly string[])[] = [
  ['tokenizer.json'],
  ['vocab.txt'],
  ['vocab.json', 'merges.txt'],
  ['spiece.model'],
  ['sentencepiece.bpe.model'],
  ['tokenizer.model'],
  ['vocab.json', 'source.spm'],
  ['spm.model'],
];

/** The files of the first form that is complete; none where the folder has no tokenizer. */
export function tokenizerFiles(paths: readonly string[]): readonly string[] {
  return FORMS.find((form) => form.every((path) => paths.includes(path))) ?? [];
}
