/** Server settings for tests: the defaults, with some changed. */
import { type ServerSettings, serverSettings } from '../../chassis/server.js';
import { readSettings } from '../../chassis/settings.js';

export function testServerSettings(changes: Partial<ServerSettings> = {}): ServerSettings {
  return { ...readSettings(serverSettings, {}), ...changes };
}
