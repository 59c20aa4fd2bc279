/** `plexus status`: the models of the mesh, where they run, and what they have done since they were loaded. */
import type { Command } from 'commander';
import { createClient } from '../client/index.js';
import type { Model__Output } from '../protos/gen/plexus/v1/Model.js';
import type { ModelStats__Output } from '../protos/gen/plexus/v1/ModelStats.js';
import { gatewayAddress, withAddress } from './gateway-address.js';
import { readTimeout } from './input.js';
import type { Io } from './io.js';
import { table } from './table.js';

export function registerStatus(program: Command, io: Io): void {
  withAddress(program.command('status'))
    .description('the models of the mesh: where they run and what they have done')
    .option('--batches', 'also where the time went, by size of batch')
    .option('--json', 'print as JSON')
    .action(async (flags: { address?: string; timeout: string; batches?: boolean; json?: boolean }) => {
      const client = createClient(gatewayAddress(flags, io));
      const timeoutMs = readTimeout(flags.timeout);
      try {
        const [{ models }, { stats }] = await Promise.all([
          client.models.list({}, { timeoutMs }),
          client.models.stats({}, { timeoutMs }),
        ]);
        if (flags.json) return void io.stdout.write(`${JSON.stringify({ models, stats }, undefined, 2)}\n`);
        io.stdout.write(`${statusTable(models, stats)}\n`);
        if (flags.batches) io.stdout.write(`\n${batchTable(stats)}\n`);
      } finally {
        client.close();
      }
    });
}

/** One row a model in memory. Tokenizing is of one text; of what is queued, texts and their tokens. */
export function statusTable(models: readonly Model__Output[], stats: readonly ModelStats__Output[]): string {
  const loaded = models.filter(({ state }) => state !== 'MODEL_STATE_AVAILABLE');
  const rows = loaded.map((model) => {
    const found = stats.find(
      (each) => each.name === model.name && each.version === model.version && each.instance === model.instance,
    );
    return [
      model.instance,
      `${model.name}@${model.version}`,
      model.state.replace('MODEL_STATE_', '').toLowerCase() + (model.isDefault ? ' (default)' : ''),
      String(found?.requests ?? 0),
      String(found?.tokens ?? 0),
      found && found.paddedTokens > 0 ? `${Math.round((100 * found.tokens) / found.paddedTokens)} %` : '',
      found && found.batches > 0 ? (found.texts / found.batches).toFixed(1) : '',
      found && found.texts > 0 ? (found.tokenizeNs / found.texts / 1e6).toFixed(2) : '',
      String(found?.queueLength ?? 0),
      String(found?.queueTokens ?? 0),
      String((found?.criticalities ?? []).reduce((sum, { shed }) => sum + shed, 0)),
      String(found?.failures ?? 0),
    ];
  });
  const load = ['fill', 'batch', 'tokenize ms', 'queued', 'queued tokens', 'shed', 'failures'];
  return table(['instance', 'model', 'state', 'requests', 'tokens', ...load], rows);
}

/** Milliseconds are of one batch; waiting is of one text. */
function batchTable(stats: readonly ModelStats__Output[]): string {
  const rows = stats.flatMap((each) =>
    each.batchSizes.map((size) => [
      each.instance,
      `${each.name}@${each.version}`,
      size.rowsMax === 1 ? '1' : `${size.rowsMax / 2 + 1}-${size.rowsMax}`,
      String(size.batches),
      (size.tokens / size.batches).toFixed(0),
      `${Math.round((100 * size.tokens) / size.paddedTokens)} %`,
      (size.queueNs / size.texts / 1e6).toFixed(2),
      (size.batchNs / size.batches / 1e6).toFixed(2),
      (size.computeNs / size.batches / 1e6).toFixed(2),
    ]),
  );
  return table(
    ['instance', 'model', 'texts', 'batches', 'tokens', 'fill', 'wait ms', 'to and fro ms', 'model ms'],
    rows,
  );
}
