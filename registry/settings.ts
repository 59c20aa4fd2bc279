/** Settings of the registry room: which driver, where it is, and what this process says of its place. */
import { choice, integer, type Settings, text } from '../chassis/settings.js';

export const registrySettings = {
  registry: choice({
    env: 'PLEXUS_REGISTRY',
    default: 'auto',
    choices: ['auto', 'embedded', 'consul', 'static'],
    reason:
      'Which registry the mesh has. auto: consul where CONSUL_HTTP_ADDR is set, static where PLEXUS_INSTANCES is, otherwise embedded.',
  }),
  address: text({
    env: 'PLEXUS_REGISTRY_ADDRESS',
    unit: 'address',
    default: '127.0.0.1:50059',
    reason: 'host:port of the embedded registry, which the process behind `npm start` serves.',
  }),
  instances: text({
    env: 'PLEXUS_INSTANCES',
    unit: 'addresses',
    default: '',
    reason: 'The fixed list of the static registry: "embed=host:port,host:port;classify=host:port".',
  }),
  zone: text({
    env: 'PLEXUS_ZONE',
    default: '',
    reason:
      'Where this process runs (a rack, a data centre). Told to the registry; empty where it makes no difference.',
  }),
  graceMs: integer({
    env: 'PLEXUS_REGISTRY_GRACE_MS',
    unit: 'ms',
    default: 900_000,
    min: 0,
    max: 86_400_000,
    reason:
      'How long an instance is used that the registry suddenly no longer names (an empty list, a restart) while its own health check answers. 15 min outlasts a registry that is rebuilt by hand.',
  }),
} as const;

export type RegistrySettings = Settings<typeof registrySettings>;
