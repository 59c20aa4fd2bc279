/** Picks the driver that the settings name. The one place that knows all of them. */
import type { Clock } from '../chassis/clock.js';
import { type Logger, silentLogger } from '../chassis/log.js';
import { plainText, type TlsSettings } from '../chassis/tls.js';
import { openConsulRegistry } from './consul/driver.js';
import type { ConsulSettings } from './consul/settings.js';
import { createEmbeddedRegistry } from './embedded/client.js';
import type { Registry } from './registry.js';
import type { RegistrySettings } from './settings.js';
import { createStaticRegistry, parseInstances } from './static.js';

export interface RegistryDependencies {
  /** How instances and the embedded registry are reached. Default: plain text. */
  tls?: TlsSettings;
  clock?: Clock;
  log?: Logger;
  random?: () => number;
}

/** Resolves also where the registry is away (it is tried on); rejects with REGISTRY_UNAVAILABLE where it refuses the token, and with an Error on a setting that makes no sense. */
export async function openRegistry(
  settings: RegistrySettings & ConsulSettings,
  { tls = plainText, log = silentLogger, ...rest }: RegistryDependencies = {},
): Promise<Registry> {
  const { graceMs } = settings;
  switch (registryKind(settings)) {
    case 'consul':
      return openConsulRegistry({ settings, graceMs, tls, log, ...rest });
    case 'static':
      return createStaticRegistry({ instances: parseInstances(settings.instances), tls, ...rest });
    case 'embedded':
      return createEmbeddedRegistry({ address: settings.address, graceMs, tls, log, ...rest });
  }
}

/** The driver behind "auto". */
export function registryKind(settings: RegistrySettings & ConsulSettings): Registry['kind'] {
  if (settings.registry !== 'auto') return settings.registry;
  if (settings.consulAddress !== '') return 'consul';
  return settings.instances === '' ? 'embedded' : 'static';
}
