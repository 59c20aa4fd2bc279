/** Where the CLI finds the mesh: --address, PLEXUS_GATEWAY, or where `plexus up` listens. */
import type { Command } from 'commander';
import type { Io } from './io.js';

export const DEFAULT_GATEWAY = '127.0.0.1:50050';

export function withAddress(command: Command): Command {
  return command
    .option(
      '--address <host:port>',
      `gRPC address of the gateway or of one service (PLEXUS_GATEWAY; default ${DEFAULT_GATEWAY})`,
    )
    .option('--timeout <ms>', 'milliseconds the call may take', '60000');
}

export function gatewayAddress(options: { address?: string }, io: Io): string {
  return options.address ?? io.env.PLEXUS_GATEWAY ?? DEFAULT_GATEWAY;
}
