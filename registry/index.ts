/** The registry room: who is alive, where, running which models. Imports chassis and protos only. */
export { type ConsulSettings, consulSettings } from './consul/settings.js';
export { createEmbeddedRegistry, type EmbeddedRegistryOptions } from './embedded/client.js';
export {
  createEmbeddedRegistryServer,
  type EmbeddedRegistryServer,
  type EmbeddedRegistryServerOptions,
} from './embedded/server.js';
export { openRegistry, type RegistryDependencies, registryKind } from './open.js';
export {
  CAPABILITIES,
  type Capability,
  type Instance,
  OPTIONAL_CAPABILITIES,
  type Registration,
  type Registry,
  type Watch,
} from './registry.js';
export { type RegistrySettings, registrySettings } from './settings.js';
export { createStaticRegistry, parseInstances } from './static.js';
