/** `plexus status`: the models of the mesh, where they run, and what they have done since they were loaded. */
import type { Command } from 'commander';
import { createClient } from '../client/index.js';
import { gatewayAddress, withAddress } from './gateway-address.js';
import { readTimeout } from './input.js';
import type { Io } from './io.js';
import { table } from './table.js';

export function registerStatus(program: Command, io: Io): void {
  withAddress(program.command('status'))
    .description('the models of the mesh: where they run and what they have done')
    .option('--json', 'print as JSON')
    .action(async (flags: { address?: string; timeout: string; json?: boolean }) => {
      const client = createClient(gatewayAddress(flags, io));
      const timeoutMs = readTimeout(flags.timeout);
      try {
        const [{ models }, { stats }] = await Promise.all([
          client.models.list({}, { timeoutMs }),
          client.models.stats({}, { timeoutMs }),
        ]);
        if (flags.json) return void io.stdout.write(`${JSON.stringify({ models, stats }, undefined, 2)}\n`);
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
            String(found?.queueLength ?? 0),
            String(found?.failures ?? 0),
          ];
        });
        io.stdout.write(
          `${table(['instance', 'model', 'state', 'requests', 'tokens', 'fill', 'queued', 'failures'], rows)}\n`,
        );
      } finally {
        client.close();
      }
    });
}
