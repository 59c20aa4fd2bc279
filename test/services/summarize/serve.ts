/** The summarize service on a real server at a free port: starter models, the small random ones of inference/generate, shared ones. */
import { join } from 'node:path';
import { type Channel, createChannel } from '../../../chassis/channel.js';
import { systemClock } from '../../../chassis/clock.js';
import { createServer } from '../../../chassis/server.js';
import { readSettings } from '../../../chassis/settings.js';
import { generatorSettings } from '../../../inference/generate/index.js';
import { createHub, type Hub, inferenceSettings } from '../../../inference/index.js';
import { createRepository } from '../../../models/index.js';
import type { SummarizeRequest } from '../../../protos/gen/plexus/v1/SummarizeRequest.js';
import type { SummarizeResponse__Output } from '../../../protos/gen/plexus/v1/SummarizeResponse.js';
import type { SummarizeStreamRequest } from '../../../protos/gen/plexus/v1/SummarizeStreamRequest.js';
import { definition, packageRoot } from '../../../protos/index.js';
import { openSummarizer, type SummarizeModel } from '../../../services/summarize/model.js';
import { createSummarizeService } from '../../../services/summarize/service.js';
import { type SummarizeSettings, summarizeSettings } from '../../../services/summarize/settings.js';
import { testServerSettings } from '../../kit/settings.js';
import { shared } from '../../kit/shared.js';

const { Summarize, SummarizeStream } = definition('plexus.v1.Summarize');

export interface ServedSummarize {
  hub: Hub<SummarizeModel>;
  channel: Channel;
  summarize(
    request: SummarizeRequest,
    options?: { deadlineMs?: number; signal?: AbortSignal },
  ): Promise<SummarizeResponse__Output>;
  stream(
    request: SummarizeStreamRequest,
    options?: { signal?: AbortSignal },
  ): Promise<{ deltas: string[]; done: SummarizeResponse__Output }>;
  close(): Promise<void>;
}

/** `models`: the default one first; all are loaded. */
export async function serveSummarize(
  models: readonly [string, ...string[]],
  changes: Partial<SummarizeSettings> = {},
): Promise<ServedSummarize> {
  const folders = [
    join(packageRoot, 'models', 'store'),
    join(packageRoot, 'test', 'inference', 'generate', 'fixtures'),
  ];
  const sharedModels = shared('models');
  const repository = createRepository({ folders: sharedModels ? [...folders, sharedModels] : folders });
  const settings = {
    summarize: { ...readSettings(summarizeSettings, {}), ...changes },
    generator: { ...readSettings(generatorSettings, {}), threads: 1 },
    inference: { ...readSettings(inferenceSettings, {}), workers: 1 },
  };
  const hub = createHub<SummarizeModel>({
    repository,
    tasks: ['summarize'],
    defaultModel: models[0],
    open: (model) => openSummarizer(model, repository, settings, systemClock),
  });
  for (const model of models) await hub.load(model);
  const service = createSummarizeService({
    hub,
    instance: 'summarize-1',
    clock: systemClock,
    textsTogether: settings.summarize.textsTogether,
  });
  const server = createServer({ services: [service], address: '127.0.0.1:0', settings: testServerSettings() });
  const channel = createChannel(`127.0.0.1:${await server.start()}`);
  return {
    hub,
    channel,
    async summarize(request, { deadlineMs = Date.now() + 30_000, signal } = {}) {
      return (await channel.unary(Summarize, request, { deadlineMs, ...(signal && { signal }) })).response;
    },
    async stream(request, { signal } = {}) {
      const deltas: string[] = [];
      let done: SummarizeResponse__Output | undefined;
      for await (const event of channel.serverStream(SummarizeStream, request, {
        deadlineMs: Date.now() + 30_000,
        ...(signal && { signal }),
      })) {
        if (event.done) done = event.done;
        else deltas.push(event.delta ?? '');
      }
      return { deltas, done: done as SummarizeResponse__Output };
    },
    async close() {
      channel.close();
      await server.drain(0);
      await hub.close();
    },
  };
}
