/** Settings of the inference room: how many workers a model gets, how batches are cut, where queues end. */
import { join } from 'node:path';
import { integer, type Setting, type Settings, text } from '../chassis/settings.js';

/** "name=number" pairs. */
function shares(spec: {
  env: string;
  default: ReadonlyMap<string, number>;
  reason: string;
}): Setting<ReadonlyMap<string, number>> {
  const allowed = 'tenant=share pairs separated by commas, shares from 0.01 to 100';
  return {
    ...spec,
    unit: 'shares',
    allowed,
    parse(given) {
      const pairs = given.split(',').map((pair): [string, number] => {
        const [, tenant = '', share = ''] = /^\s*([\x21-\x3c\x3e-\x7e]{1,64})=([\d.]+)\s*$/.exec(pair) ?? [];
        return [tenant, Number(share || Number.NaN)];
      });
      if (!pairs.every(([tenant, share]) => tenant !== '' && share >= 0.01 && share <= 100)) throw new Error(allowed);
      return new Map(pairs);
    },
  };
}

export const inferenceSettings = {
  workers: integer({
    env: 'PLEXUS_WORKERS',
    unit: 'count',
    default: 0,
    min: 0,
    max: 256,
    reason:
      'Worker threads of each model. 0: as measured at the first load and kept beside the prepared models, starting from one a core this process may use (affinity and cgroup limit); on one or two cores one each was the fastest schedule found.',
  }),
  threads: integer({
    env: 'PLEXUS_THREADS',
    unit: 'count',
    default: 0,
    min: 0,
    max: 256,
    reason:
      'Threads of each worker: of one matrix product. 0: as measured, with the workers. Workers share the load better than threads share a product; more than one pays where a single long text must be quick and the machine is otherwise idle.',
  }),
  workerNice: integer({
    env: 'PLEXUS_WORKER_NICE',
    unit: 'nice level',
    default: 10,
    min: 0,
    max: 19,
    reason:
      'How far the worker threads stand back behind the thread that serves RPC where both want a core (Linux). On a busy machine of two cores, 32 callers, the longest event-loop gap of a round fell from 83 to 33 ms (medians of five interleaved rounds). They stand back behind other processes of the machine as well: 0, and all are equal.',
  }),
  memoryBytes: integer({
    env: 'PLEXUS_MEMORY_BYTES',
    unit: 'bytes',
    default: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    reason:
      'Memory the models of one process may take together, reckoned from the size of their weights and the number of workers; a load beyond it is refused. 0: nine tenths of the limit of the cgroup, or of the machine.',
  }),
  preparedFolder: text({
    env: 'PLEXUS_PREPARED',
    unit: 'folder, or off',
    default: '',
    reason:
      'Where models are kept as onnxruntime has made them ready for this machine: workers map one copy of the weights instead of holding one each. Takes as much disk as the models. Empty: "prepared" in the cache folder (PLEXUS_CACHE).',
  }),
  batchTokensMax: integer({
    env: 'PLEXUS_BATCH_TOKENS',
    unit: 'tokens',
    default: 256,
    min: 1,
    max: 65_536,
    reason:
      'Padded tokens of one batch (rows x longest row). Throughput on CPU rises up to about 256 and falls beyond 1,000. A longer text runs alone.',
  }),
  batchRowsMax: integer({
    env: 'PLEXUS_BATCH_ROWS',
    unit: 'count',
    default: 64,
    min: 1,
    max: 4_096,
    reason: 'Texts of one batch, whatever their length; bounds what a lost worker takes with it.',
  }),
  windowMax: integer({
    env: 'PLEXUS_BATCH_WINDOW',
    unit: 'count',
    default: 256,
    min: 1,
    max: 8_192,
    reason:
      'Waiting texts among which company of similar length is sought for the one whose turn it is. That one always leads, so nobody is passed over for long, however wide the window.',
  }),
  queueEntriesMax: integer({
    env: 'PLEXUS_QUEUE_ENTRIES',
    unit: 'count',
    default: 8_192,
    min: 1,
    max: 1_000_000,
    reason: 'Texts waiting for one model; the next request is refused as QUEUE_FULL. Eight full requests.',
  }),
  queueTokensMax: integer({
    env: 'PLEXUS_QUEUE_TOKENS',
    unit: 'tokens',
    default: 1_048_576,
    min: 1,
    max: 100_000_000,
    reason:
      'Tokens waiting for one model; the next request is refused as QUEUE_FULL. Two requests of 1,024 texts of 512 tokens.',
  }),
  hangMs: integer({
    env: 'PLEXUS_WORKER_HANG_MS',
    unit: 'ms',
    default: 30_000,
    min: 10,
    max: 3_600_000,
    reason:
      'A worker that has been at one batch for longer is given up and replaced. A batch of 256 tokens takes milliseconds.',
  }),
  startMs: integer({
    env: 'PLEXUS_WORKER_START_MS',
    unit: 'ms',
    default: 120_000,
    min: 10,
    max: 3_600_000,
    reason:
      'A worker that has not opened its model by then is given up. Models of gigabytes need tens of seconds from a slow disk.',
  }),
  latencyTargetMs: integer({
    env: 'PLEXUS_LATENCY_TARGET_MS',
    unit: 'ms',
    default: 0,
    min: 0,
    max: 600_000,
    reason:
      'Time within which a text should be through queue and model: batches are cut so that their predicted run (99th percentile) keeps those who wait within it. Smaller batches cost throughput, so what is beyond the target anyway runs in full ones. A manifest may say another one for its model. 0: none.',
  }),
  tenantsMax: integer({
    env: 'PLEXUS_TENANTS',
    unit: 'count',
    default: 256,
    min: 1,
    max: 65_536,
    reason:
      'Tenants (metadata x-plexus-tenant) whose shares and counts are told apart at a time, for each model; those beyond share one place.',
  }),
  tenantShares: shares({
    env: 'PLEXUS_TENANT_SHARES',
    default: new Map(),
    reason:
      'Share of the workers of single tenants where several want them: "search=4,batch=0.5". Who is not named has 1; a share is of tokens computed.',
  }),
  quarantineMs: integer({
    env: 'PLEXUS_QUARANTINE_MS',
    unit: 'ms',
    default: 600_000,
    min: 0,
    max: 86_400_000,
    reason: 'How long an input that brought a worker down twice is refused without being tried.',
  }),
  longText: integer({
    env: 'PLEXUS_LONG_TEXT',
    unit: 'UTF-16 code units',
    default: 16_384,
    min: 64,
    max: 10_000_000,
    reason:
      'Texts beyond this are tokenized in a thread of their own, so that one text never holds up the RPC thread for more than some 10 ms.',
  }),
  tuningFile: text({
    env: 'PLEXUS_TUNING',
    unit: 'file, or off',
    default: '',
    reason:
      'Settings of single models as `plexus tune` found them (docs/tuning.md); they go before those for all models. Empty: tuning.json beside the pulled models (PLEXUS_CACHE).',
  }),
  recordFile: text({
    env: 'PLEXUS_RECORD',
    unit: 'file',
    default: '',
    reason:
      'Times of requests and tokens of their texts (never the texts) are added to this file, for `plexus tune --traffic`. Empty: nothing is recorded.',
  }),
  recordBytesMax: integer({
    env: 'PLEXUS_RECORD_BYTES',
    unit: 'bytes',
    default: 67_108_864,
    min: 1_024,
    max: 10_000_000_000,
    reason: 'Size of that file at which recording ends: about a million requests of one text.',
  }),
} as const;

export type InferenceSettings = Settings<typeof inferenceSettings>;

/** The settings with the places of their files: those that are empty lie in the cache folder; "off" becomes "", for none. */
export function placed<S extends Pick<InferenceSettings, 'tuningFile' | 'preparedFolder'>>(
  settings: S,
  cache: string,
): S {
  const place = (setting: string, own: string): string => (setting === 'off' ? '' : setting || join(cache, own));
  return {
    ...settings,
    tuningFile: place(settings.tuningFile, 'tuning.json'),
    preparedFolder: place(settings.preparedFolder, 'prepared'),
  };
}
