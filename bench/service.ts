/** The embed service, another one, or a rival with the same face, as a process of its own with a client: started, asked, stopped. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, type PlexusClient } from '../client/index.js';
import { usableCores, writeTuning } from '../inference/index.js';
import type { Precision } from '../models/index.js';
import type { LoopReport } from './loop-service.js';

export interface BenchService {
  readonly client: PlexusClient;
  /** Forgets the event-loop gaps so far. */
  reset(): void;
  report(): Promise<LoopReport>;
  stop(): Promise<void>;
}

/** `precision`: other weights of the model than its manifest names. */
export async function startBenchService(
  script: './loop-service.js' | './inline-service.js',
  model: { id: string; name: string; precision?: Exclude<Precision, 'none'> },
): Promise<BenchService> {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-bench-'));
  const tuning = join(folder, 'tuning.json');
  if (model.precision !== undefined) {
    await writeTuning(tuning, model.id, {
      ...{ workers: usableCores(), threads: 1, batchTokensMax: 256, windowMax: 256, precision: model.precision },
      measured: { at: '', cores: usableCores(), p99TargetMs: 0, requestsPerSecond: 0, p99Ms: 0, traffic: '' },
    });
  }
  const service = await startCapability(script, 'embed', {
    PLEXUS_MODEL_EMBED: model.name,
    PLEXUS_TUNING: model.precision === undefined ? 'off' : tuning,
  });
  return {
    ...service,
    async stop() {
      await service.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A capability in a process of its own, with these settings. */
export async function startCapability(
  script: './loop-service.js' | './inline-service.js',
  capability: 'embed' | 'infer',
  env: Readonly<Record<string, string>>,
): Promise<BenchService> {
  const child: ChildProcess = fork(fileURLToPath(new URL(script, import.meta.url)), [capability], {
    env: {
      ...process.env,
      PLEXUS_ADDRESS: '127.0.0.1:0',
      PLEXUS_REGISTRY: 'static',
      PLEXUS_INSTANCES: `${capability}=127.0.0.1:1`,
      PLEXUS_LOG: 'error',
      ...env,
    },
  });
  child.once('exit', (code) => {
    if (code) throw new Error(`${script} ended with ${code}`);
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const client = createClient(`127.0.0.1:${port}`);
  return {
    client,
    reset: () => void child.send('reset'),
    async report() {
      child.send('report');
      const [found] = (await once(child, 'message')) as [LoopReport];
      return found;
    },
    async stop() {
      client.close();
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

/** Milliseconds of processor this process has used. */
export const ownCpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000;

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] as number;
