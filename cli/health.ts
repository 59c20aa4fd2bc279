/** `plexus health [address]`: asks grpc.health.v1 and exits 0 where it serves. What containers use as their health check. */
import type { Command } from 'commander';
import { createClient } from '../client/index.js';
import { DEFAULT_GATEWAY } from './gateway-address.js';
import { EXIT, type Io } from './io.js';

export function registerHealth(program: Command, io: Io): void {
  program
    .command('health')
    .description('ask the health of a process; exit 0 where it serves')
    .argument('[address]', 'gRPC address', io.env.PLEXUS_GATEWAY ?? DEFAULT_GATEWAY)
    .option('--service <name>', 'a service or model name; all where empty', '')
    .option('--timeout <ms>', 'milliseconds to wait', '2000')
    .action(async (address: string, { service, timeout }: { service: string; timeout: string }) => {
      const client = createClient(address);
      try {
        const { status } = await client.health.check({ service }, { timeoutMs: Number(timeout) });
        io.stdout.write(`${status}\n`);
        if (status !== 'SERVING') process.exitCode = EXIT.failed;
      } finally {
        client.close();
      }
    });
}
