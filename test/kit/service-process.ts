/**
 * A real process that a test can kill: a health server, registered in Consul under the id it is given. Run as
 * `node service-process.js <id>` with CONSUL_HTTP_ADDR set; prints its address when it is registered; SIGTERM deregisters and drains.
 */

import { readSettings } from '../../chassis/settings.js';
import { consulSettings, openRegistry, registrySettings } from '../../registry/index.js';
import { startServing } from './serving.js';

const id = process.argv[2] ?? 'embed-1';
const capability = id.slice(0, id.lastIndexOf('-'));
const serving = await startServing(`plexus.v1.${capability.charAt(0).toUpperCase()}${capability.slice(1)}`);
const registry = await openRegistry(readSettings({ ...registrySettings, ...consulSettings }, process.env));
const registration = await registry.register({
  id,
  capability,
  address: serving.address,
  version: '0.1.0',
  zone: 'a',
  models: ['minilm@1'],
  weight: 10,
});
process.on('SIGTERM', () => {
  void registration
    .deregister()
    .then(() => registry.close())
    .then(() => serving.server.drain(1_000))
    .then(() => process.exit(0));
});
console.log(serving.address);
