/** A long text in parts, on words for tokens: what is put together again, and what is said where not all of it fits. */
import assert from 'node:assert/strict';
import { lexicalVectors } from '../../../inference/extract/index.js';
import { rpcTurns } from '../../../inference/turns.js';
import { mapReduce, type PartsDeps, refine } from '../../../services/summarize/parts.js';
import { createWriter } from './writer.js';

const TEXT = Array.from({ length: 30 }, (_, index) => `Ship number ${index} left port ${index}.`).join(' ');

const deps = (write: PartsDeps['write'], changes: Partial<PartsDeps> = {}): PartsDeps => ({
  texts: createWriter({ write: () => '' }).generator.texts,
  room: 40,
  specials: 1,
  summaryMax: 18,
  partsMax: 128,
  partsTogether: 16,
  sentencesMax: 2_000,
  locale: 'en',
  signal: new AbortController().signal,
  embed: (texts) => lexicalVectors(texts, rpcTurns),
  write,
  ...changes,
});
const words = (text: string): number => text.split(' ').length;

describe('summaries of parts', () => {
  it('are put together in the order of the text', async () => {
    const { text, parts, thinned, summariesThinned } = await mapReduce(
      TEXT,
      deps(async (part) => `${part.split(' ')[2]}.`),
    );
    const numbers = text.split(' ').map(Number);
    assert.equal(numbers.length, parts);
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
    );
    assert.deepEqual([thinned, summariesThinned], [false, false]);
  });

  it('that do not get shorter are thinned out to what fits, which is said', async () => {
    const { text, thinned, summariesThinned } = await mapReduce(
      TEXT,
      deps(async (part) => part),
    );
    assert.ok(words(text) <= 39 && words(text) > 20, `${words(text)} words`);
    assert.deepEqual([thinned, summariesThinned], [false, true]);
  });

  it('carried on into the next part leave room for it; a cut of them is said', async () => {
    const inputs: string[] = [];
    const short = async (input: string) => {
      inputs.push(input);
      return 'Ships left.';
    };
    const { text, summariesThinned } = await refine(TEXT, deps(short));
    assert.ok(text.startsWith('Ships left. '), text);
    for (const input of [...inputs, text]) assert.ok(words(input) <= 39, `${words(input)} words`);
    assert.equal(summariesThinned, false);
    assert.equal(
      (
        await refine(
          TEXT,
          deps(async (input) => `${input} ${TEXT}`),
        )
      ).summariesThinned,
      true,
    );
  });
});
