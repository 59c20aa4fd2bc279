/** `plexus models verify [model...]`: every file against its manifest; fails where one differs, after checking the others. */
import type { Command } from 'commander';
import { MeshError } from '../../chassis/errors.js';
import { parseReference } from '../../models/index.js';
import type { Io } from '../io.js';
import { formatBytes } from './format.js';
import { bytesOf, idOf, openRepository, writeJson } from './place.js';

export function registerVerify(models: Command, io: Io): void {
  models
    .command('verify')
    .description('check every file of models against their manifests')
    .argument('[model...]', 'name or name@version; default: all')
    .option('--json', 'print JSON')
    .action(async (references: string[], { json }: { json?: boolean }) => {
      const repository = openRepository(io);
      const chosen =
        references.length === 0
          ? await repository.list()
          : await Promise.all(references.map((reference) => repository.find(parseReference(reference))));
      const outcomes: { model: string; ok: boolean; message?: string }[] = [];
      for (const model of chosen) {
        const error = await repository.verify(model).then(() => undefined, toMeshError);
        outcomes.push({ model: idOf(model), ok: error === undefined, ...(error && { message: error.message }) });
        if (!json)
          io.stdout.write(
            error
              ? `CHANGED  ${idOf(model)}: ${error.message}\n`
              : `ok       ${idOf(model)}  ${formatBytes(bytesOf(model))}\n`,
          );
      }
      const problems = references.length === 0 ? await repository.problems() : [];
      for (const { name, error } of problems) {
        outcomes.push({ model: name, ok: false, message: error.message });
        if (!json) io.stdout.write(`BROKEN   ${error.message}\n`);
      }
      if (json) writeJson(io, outcomes);
      const failed = outcomes.filter(({ ok }) => !ok).length;
      if (failed > 0)
        throw new MeshError('MODEL_CHANGED', `${failed} of ${outcomes.length} models are not what they should be`);
    });
}

function toMeshError(error: unknown): MeshError {
  if (error instanceof MeshError) return error;
  throw error;
}
