/** `plexus models remove <name@version>`: only what was installed into the cache; what others keep is not ours to delete. */
import type { Command } from 'commander';
import { MeshError } from '../../chassis/errors.js';
import { parseReference, removeInstalled } from '../../models/index.js';
import type { Io } from '../io.js';
import { formatBytes } from './format.js';
import { bytesOf, idOf, openCache, openRepository, writeJson } from './place.js';

export function registerRemove(models: Command, io: Io): void {
  models
    .command('remove')
    .description('remove a pulled, imported or quantized version from the cache')
    .argument('<model>', 'name@version; a version must be given')
    .option('--json', 'print JSON')
    .action(async (reference: string, { json }: { json?: boolean }) => {
      const parsed = parseReference(reference);
      if (parsed.version === undefined) throw new MeshError('USAGE', `say which version: ${parsed.name}@<version>`);
      const model = await openRepository(io).find(parsed);
      await removeInstalled(openCache(io), model);
      if (json) writeJson(io, { removed: idOf(model), bytes: bytesOf(model) });
      else io.stdout.write(`${idOf(model)} removed: ${formatBytes(bytesOf(model))} freed\n`);
    });
}
