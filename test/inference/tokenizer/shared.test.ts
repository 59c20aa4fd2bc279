// Real tokenizers with the ids recorded beside them, where the shared folder exists.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadTokenizer } from '../../../inference/tokenizer/index.js';
import { sharedOrSkip } from '../../kit/shared.js';

interface Expected {
  text: string;
  ids: number[];
  tokens: string[];
}

describe('real tokenizers', () => {
  it('give the recorded ids and tokens', async function () {
    const recorded = sharedOrSkip(this, 'tokenizers/expected.json');
    const all = JSON.parse(readFileSync(recorded, 'utf8')) as Record<string, Expected[]>;
    for (const [name, cases] of Object.entries(all)) {
      const tokenizer = await loadTokenizer(join(dirname(recorded), name));
      for (const { text, ids, tokens } of cases) {
        const encoding = tokenizer.encode(text);
        assert.deepEqual([...encoding.ids], ids, `${name}: ${text}`);
        assert.deepEqual(encoding.tokens, tokens, `${name}: ${text}`);
      }
    }
  }).timeout(30_000);
});
