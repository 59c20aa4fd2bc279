/** A capability on a real server at a free port, with real models from the shared folder, and a client of it. */
import { type Channel, createChannel } from '../../chassis/channel.js';
import { systemClock } from '../../chassis/clock.js';
import { createServer, type ServerSettings } from '../../chassis/server.js';
import { createClient, type PlexusClient } from '../../client/index.js';
import { createHub, type Hub, type Running } from '../../inference/index.js';
import { createRepository } from '../../models/index.js';
import type { CapabilityModule } from '../../services/capability.js';
import { createModelsService } from '../../services/models.js';
import { testServerSettings } from './settings.js';
import { sharedOrSkip } from './shared.js';

export interface ServedCapability<M extends Running> {
  client: PlexusClient;
  /** For trailers, metadata and raw bytes. */
  channel: Channel;
  hub: Hub<M>;
  close(): Promise<void>;
}

/** `models`: the default one first; all are loaded. `folder`: where they lie; default the shared one. */
export async function serveCapability<M extends Running>(
  context: Mocha.Context,
  module: CapabilityModule<M>,
  models: readonly [string, ...string[]],
  settings: Partial<ServerSettings> = {},
  folder: string = sharedOrSkip(context, 'models'),
): Promise<ServedCapability<M>> {
  const repository = createRepository({ folders: [folder] });
  const hub = createHub<M>({
    repository,
    tasks: module.tasks,
    defaultModel: models[0],
    open: (model) => module.open(model, repository),
  });
  for (const model of models) await hub.load(model);
  const { capability } = module;
  const instance = `${capability}-1`;
  const deps = { hub, instance, clock: systemClock };
  const control = createModelsService({ hub: hub as unknown as Hub<Running>, instance, capability });
  const server = createServer({
    services: [module.createService(deps), ...(module.createOthers?.(deps) ?? []), control],
    address: '127.0.0.1:0',
    settings: testServerSettings(settings),
  });
  const address = `127.0.0.1:${await server.start()}`;
  const client = createClient(address);
  const channel = createChannel(address);
  return {
    client,
    channel,
    hub,
    async close() {
      client.close();
      channel.close();
      await server.drain(0);
      await hub.close();
    },
  };
}
