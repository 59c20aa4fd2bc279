/** What every process of the mesh is told about itself: its name, where it listens, how others reach it, how much it logs. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../protos/index.js';
import { choice, type Settings, text } from './settings.js';

export const processSettings = {
  instance: text({
    env: 'PLEXUS_INSTANCE',
    default: '',
    unit: 'name',
    reason: 'Name of this process, unique in the mesh. Empty: capability, host and process id.',
  }),
  address: text({
    env: 'PLEXUS_ADDRESS',
    default: '127.0.0.1:0',
    unit: 'host:port',
    reason: 'Where the gRPC server listens. Loopback and a free port by default: nothing is exposed unasked.',
  }),
  advertise: text({
    env: 'PLEXUS_ADVERTISE',
    default: '',
    unit: 'host:port',
    reason:
      'How others reach this process, where that is not PLEXUS_ADDRESS (containers, NAT). Port 0 or none: the port it listens on.',
  }),
  logLevel: choice({
    env: 'PLEXUS_LOG',
    default: 'info',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    reason: 'Least important log lines written; one JSON object a line on standard error.',
  }),
} as const;

export type ProcessSettings = Settings<typeof processSettings>;

/** Version of Plexus that runs. */
export const plexusVersion = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

/** The instance's name: as set, or one that is unique on the network. */
export function instanceName({ instance }: ProcessSettings, capability: string): string {
  return instance || `${capability}-${hostname()}-${process.pid}`;
}

/** "host:port" that others dial, once the port is known. */
export function advertisedAddress(
  { address, advertise }: Pick<ProcessSettings, 'address' | 'advertise'>,
  port: number,
): string {
  const given = advertise || address;
  const colon = given.lastIndexOf(':');
  const host = colon < 0 ? given : given.slice(0, colon);
  const givenPort = colon < 0 ? '0' : given.slice(colon + 1);
  const reachable = /^(0\.0\.0\.0|\[::\])$/.test(host) ? hostname() : host;
  return `${reachable}:${givenPort === '0' ? port : givenPort}`;
}

/** Calls `stop` when the process that started this one is gone: a supervisor that was killed leaves nothing behind. */
export function stopWithParent(stop: () => void): void {
  if (process.channel) process.once('disconnect', stop);
}
