/**
 * Writes the pages that are made from tables: docs/errors.md and docs/settings.md. `npm run docs` runs it; a test compares
 * what is committed with what it would write.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../protos/index.js';
import { errorsPage } from './errors-page.js';
import { settingsPage } from './settings-page.js';

export const PAGES: Readonly<Record<string, () => string>> = {
  'docs/errors.md': errorsPage,
  'docs/settings.md': settingsPage,
};

if (process.argv[1]?.endsWith('generate.js')) {
  for (const [path, page] of Object.entries(PAGES)) writeFileSync(join(packageRoot, path), page());
}
