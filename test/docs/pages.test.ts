/** Generated pages say what the code says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGES } from '../../docs/generate.js';
import { packageRoot } from '../../protos/index.js';

describe('generated pages', () => {
  for (const [path, page] of Object.entries(PAGES)) {
    it(`${path} is fresh (npm run docs makes it)`, () => {
      assert.equal(readFileSync(join(packageRoot, path), 'utf8'), page());
    });
  }
});
