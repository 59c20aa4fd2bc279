// Real tokenizers with the ids recorded beside them, where the shared folder exists.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer } from '../../../inference/tokenizer/index.js';
import { sharedFolder } from './fixtures.js';

interface Expected {
  text: string;
  ids: number[];
  tokens: string[];
}

describe('real tokenizers', () => {
  const folder = join(sharedFolder, 'tokenizers');
  it('give the recorded ids and tokens', async function () {
    if (!existsSync(join(folder, 'expected.json'))) {
      console.warn(`      skipped: no tokenizers in ${folder}; set PLEXUS_SHARED to the folder that has them`);
      this.skip();
    }
    const all = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, Expected[]>;
    for (const [name, cases] of Object.entries(all)) {
      const tokenizer = await loadTokenizer(join(folder, name));
      for (const { text, ids, tokens } of cases) {
        const encoding = tokenizer.encode(text);
        assert.deepEqual([...encoding.ids], ids, `${name}: ${text}`);
        assert.deepEqual(encoding.tokens, tokens, `${name}: ${text}`);
      }
    }
  }).timeout(30_000);
});
