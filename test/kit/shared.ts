/** Where the real models, tokenizers and data sets for tests lie: PLEXUS_SHARED, or `shared` beside the repository. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../protos/index.js';

const root = process.env.PLEXUS_SHARED ?? join(packageRoot, '..', 'shared');

/** The absolute path of a shared file or folder, or undefined where it is absent. */
export function shared(path: string): string | undefined {
  const found = join(root, path);
  return existsSync(found) ? found : undefined;
}

/** Skips the running test or suite, loudly, where the shared file is absent. */
export function sharedOrSkip(context: Mocha.Context, path: string): string {
  const found = shared(path);
  if (found) return found;
  console.warn(
    `SKIPPED: ${path} IS ABSENT. SET PLEXUS_SHARED TO THE FOLDER THAT HAS models/, tokenizers/ AND datasets/.`,
  );
  return context.skip();
}
