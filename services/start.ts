/**
 * The shared main of the services: repository -> hub -> gRPC server -> default models -> registry, in that order, and
 * back in reverse. A service is registered once its default model has answered a warm-up, and its health says so per service
 * and per model.
 */
import { systemClock } from '../chassis/clock.js';
import { createLifecycle, type Lifecycle } from '../chassis/lifecycle.js';
import { createLogger, type Logger } from '../chassis/log.js';
import { createMetrics } from '../chassis/metrics.js';
import { type MetricsServer, metricsSettings, startMetricsServer } from '../chassis/metrics-server.js';
import { advertisedAddress, instanceName, plexusVersion, processSettings } from '../chassis/process.js';
import { createServer, serverSettings } from '../chassis/server.js';
import { flag, list, readSettings } from '../chassis/settings.js';
import { tlsSettings } from '../chassis/tls.js';
import { createHub, type Hub, type Running, readTuning, usableCores } from '../inference/index.js';
import { createRepository, modelFolders, modelSettings } from '../models/index.js';
import { packageRoot } from '../protos/index.js';
import { consulSettings, openRegistry, type Registration, type Registry, registrySettings } from '../registry/index.js';
import type { CapabilityModule, Chosen } from './capability.js';
import { createLoadReporter } from './load-report.js';
import { registerModelMetrics } from './model-metrics.js';
import { createModelsService } from './models.js';
import { settings as runtime } from './settings.js';

export const loadSettings = {
  load: list({
    env: 'PLEXUS_LOAD',
    default: [],
    unit: 'models',
    reason:
      'Models loaded at start beside the default one ("name" or "name@version"). Others are loaded by Models.Load.',
  }),
  loadReports: flag({
    env: 'PLEXUS_LOAD_REPORTS',
    default: true,
    reason:
      'Says with every answer how busy the process is (the ORCA trailer endpoint-load-metrics-bin), for balancers.',
  }),
} as const;

export interface RunningService {
  readonly instance: string;
  readonly port: number;
  readonly log: Logger;
  stop(): Promise<void>;
}

/** Starts a service from its environment; resolves when it is ready and registered. */
export async function startService<M extends Running>(
  module: CapabilityModule<M> & { alsoLoaded?: readonly string[] },
  env: Readonly<Record<string, string | undefined>>,
): Promise<RunningService> {
  const settings = readSettings({ ...processSettings, ...serverSettings, ...loadSettings, ...metricsSettings }, env);
  const models = readSettings(modelSettings, env);
  const tls = readSettings(tlsSettings, env);
  const registryOptions = readSettings({ ...registrySettings, ...consulSettings }, env);
  const { capability } = module;
  const instance = instanceName(settings, capability);
  const log = createLogger(instance, settings.logLevel);
  await sayTuned(log);
  const repository = createRepository({ folders: modelFolders(models, packageRoot) });
  const others = [...(module.alsoLoaded ?? []), ...settings.load];
  const chosen: Chosen = (await module.choose?.(repository)) ?? {
    defaultModel: module.defaultModel,
    load: [module.defaultModel],
    required: true,
  };
  const hub: Hub<M> = createHub<M>({
    repository,
    tasks: module.tasks,
    defaultModel: chosen.defaultModel,
    open: (model) => module.open(model, repository),
  });
  const deps = { hub, instance, clock: systemClock };
  const service = module.createService(deps);
  const further = module.createOthers?.(deps) ?? [];
  const metrics = createMetrics({ defaults: true });
  registerModelMetrics(metrics.registry, hub as unknown as Hub<Running>);
  const server = createServer({
    services: [service, ...further, createModelsService({ hub: hub as unknown as Hub<Running>, instance, capability })],
    address: settings.address,
    settings,
    tls,
    log,
    metrics,
    interceptors: settings.loadReports
      ? [createLoadReporter({ stats: () => hub.stats(), cores: usableCores(), cpuUs, clock: systemClock })]
      : [],
  });

  let port = 0;
  let registry: Registry | undefined;
  let registration: Registration | undefined;
  let metricsServer: MetricsServer | undefined;
  let readyModels: readonly string[] = [];

  /** Health and registry follow the hub. */
  const follow = async (): Promise<void> => {
    const entries = await hub.list();
    const names = new Set<string>();
    for (const { manifest, state } of entries) {
      if (state.at === 'available') continue;
      const serving = state.at === 'ready';
      server.health.set(`model/${manifest.name}@${manifest.version}`, serving ? 'SERVING' : 'NOT_SERVING');
      if (serving) names.add(manifest.name);
      server.health.set(`model/${manifest.name}`, names.has(manifest.name) ? 'SERVING' : 'NOT_SERVING');
    }
    const ready = entries
      .filter(({ state }) => state.at === 'ready')
      .sort((a, b) => Number(b.isDefault) - Number(a.isDefault));
    readyModels = ready.map(({ manifest }) => `${manifest.name}@${manifest.version}`);
    const serves = chosen.defaultModel === '' ? ready.length > 0 : ready.some(({ isDefault }) => isDefault);
    for (const { name } of [service, ...further, { name: 'plexus.v1.Models' }])
      server.health.set(name, serves ? 'SERVING' : 'NOT_SERVING');
    await registration?.update({ models: readyModels });
  };

  let stopFollowing = (): void => {};
  const lifecycle: Lifecycle = createLifecycle(
    [
      {
        name: 'hub',
        start() {
          stopFollowing = hub.onChange(() => {
            follow().catch((error: unknown) => log.error({ err: error }, 'health could not follow the models'));
          });
        },
        async stop() {
          stopFollowing();
          await hub.close();
        },
      },
      {
        name: 'server',
        async start() {
          port = await server.start();
        },
        async stop() {
          const cut = await server.drain();
          if (cut > 0) log.warn({ cut }, 'calls were cut at the end of the drain');
        },
      },
      {
        name: 'models',
        async start() {
          await Promise.all([...new Set(others)].map((reference) => hub.load(reference)));
          const loads = [...new Set(chosen.load)].map((reference) => hub.load(reference));
          if (chosen.required) await Promise.all(loads);
          else await someOf(loads, log);
          await follow();
        },
      },
      {
        name: 'metrics',
        async start() {
          if (settings.metricsAddress) metricsServer = await startMetricsServer(settings.metricsAddress, metrics);
        },
        stop: () => metricsServer?.close(),
      },
      {
        name: 'registry',
        async start() {
          registry = await openRegistry(registryOptions, { tls, log });
          registration = await registry.register({
            id: instance,
            capability,
            address: advertisedAddress(settings, port),
            version: plexusVersion,
            zone: registryOptions.zone,
            models: readyModels,
            weight: 1,
          });
        },
        async stop() {
          server.health.shutDown(); // those who watch health leave before the registry has spread the news
          await registration?.deregister();
          await registry?.close();
        },
      },
    ],
    { log, stopMsMax: settings.drainMs + 2_000 },
  );

  await lifecycle.start();
  log.info({ port, models: readyModels }, 'ready');
  return { instance, port, log, stop: () => lifecycle.stop() };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Which models run as they were tuned and which cannot; a file that is wrong ends the start. */
async function sayTuned(log: Logger): Promise<void> {
  const tuning = Object.entries(runtime.tuningFile === '' ? {} : await readTuning(runtime.tuningFile));
  const cores = usableCores();
  const fit = tuning.filter(([, { measured }]) => measured.cores === cores);
  const others = tuning.filter((entry) => !fit.includes(entry));
  if (fit.length > 0) log.info({ models: fit.map(([model]) => model) }, 'tuned');
  if (others.length > 0) {
    const models = others.map(([model, { measured }]) => `${model} (${measured.cores} cores)`);
    log.warn({ models, cores }, 'tuned for another number of cores: they run untuned');
  }
}

/** Resolves when one has loaded and all have ended; the others are logged. Rejects with the first reason where none has. */
async function someOf(loads: readonly Promise<unknown>[], log: Logger): Promise<void> {
  const outcomes = await Promise.allSettled(loads);
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
  if (failed.length === outcomes.length) throw failed[0]?.reason;
  for (const { reason } of failed) log.warn({ err: reason }, 'a model could not be loaded; the others serve');
}
