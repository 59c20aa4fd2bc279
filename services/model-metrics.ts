/** What the models of a service have done, for Prometheus: read from the hub when somebody asks, so that counting costs nothing. */
import { Counter, Gauge, type Registry } from '../chassis/metrics.js';
import type { Hub, HubEntry, Running, RunningStats } from '../inference/index.js';

/** One number a model; times are seconds. */
const TOTALS: readonly [name: string, help: string, read: (stats: RunningStats) => number][] = [
  ['requests', 'Requests of a model.', ({ requests }) => requests],
  ['texts', 'Texts of a model.', ({ texts }) => texts],
  ['tokens', 'Tokens of a model, without padding.', ({ tokens }) => tokens],
  ['padded_tokens', 'Tokens computed, padding included.', ({ paddedTokens }) => paddedTokens],
  ['failures', 'Texts a model could not compute.', ({ failures }) => failures],
  ['dropped', 'Texts that left before they ran.', ({ dropped }) => dropped],
  ['tokenize_seconds', 'Time in the tokenizer.', ({ tokenizeNs }) => tokenizeNs / 1e9],
  ['queue_seconds', 'Time texts waited, added up.', ({ queueNs }) => queueNs / 1e9],
  ['generated_tokens', 'Tokens generated.', ({ generatedTokens }) => generatedTokens],
];

const NOW: typeof TOTALS = [
  ['queue_length', 'Texts that wait.', ({ queueLength }) => queueLength],
  ['queue_tokens', 'Tokens that wait.', ({ queueTokens }) => queueTokens],
  ['memory_bytes', 'Memory a model was reckoned to take.', ({ memoryBytes }) => memoryBytes],
];

/** One number a member of a list, told apart by a label. */
const LISTS: readonly [
  name: string,
  help: string,
  label: string,
  read: (stats: RunningStats) => readonly (readonly [label: string, value: number])[],
][] = [
  [
    'batches',
    'Batches of at most so many rows and more than half.',
    'rows',
    ({ batchSizes }) => batchSizes.map(({ rowsMax, batches }) => [String(rowsMax), batches]),
  ],
  [
    'batch_seconds',
    'Time of such batches to the workers and back, without the model.',
    'rows',
    ({ batchSizes }) => batchSizes.map(({ rowsMax, batchNs }) => [String(rowsMax), batchNs / 1e9]),
  ],
  [
    'compute_seconds',
    'Time of such batches inside the model.',
    'rows',
    ({ batchSizes }) => batchSizes.map(({ rowsMax, computeNs }) => [String(rowsMax), computeNs / 1e9]),
  ],
  [
    'shed',
    'Requests refused, or taken out of the queue for others, because of load.',
    'criticality',
    ({ criticalities }) => criticalities.map(({ name, shed }) => [name, shed]),
  ],
  ['tenant_shed', 'The same by tenant.', 'tenant', ({ tenants }) => tenants.map(({ name, shed }) => [name, shed])],
  [
    'tenant_tokens',
    'Tokens of requests let in, by tenant.',
    'tenant',
    ({ tenants }) => tenants.map(({ name, tokens }) => [name, tokens]),
  ],
];

/** plexus_model_*{model="name@version"}. Counts begin anew when a model is loaded again. */
export function registerModelMetrics(registry: Registry, hub: Hub<Running>): void {
  let asked: Promise<readonly HubEntry[]> | undefined;
  /** All metrics of one scrape read the same list. */
  const entries = (): Promise<readonly HubEntry[]> => {
    asked ??= hub.list().finally(() => {
      asked = undefined;
    });
    return asked;
  };
  const each = async (visit: (model: string, stats: RunningStats) => void): Promise<void> => {
    for (const { manifest, stats } of await entries()) {
      if (stats) visit(`${manifest.name}@${manifest.version}`, stats);
    }
  };
  const registers = [registry];
  for (const [name, help, read] of TOTALS) {
    new Counter({
      name: `plexus_model_${name}_total`,
      help,
      labelNames: ['model'],
      registers,
      async collect() {
        this.reset();
        await each((model, stats) => this.inc({ model }, read(stats)));
      },
    });
  }
  for (const [name, help, read] of NOW) {
    new Gauge({
      name: `plexus_model_${name}`,
      help,
      labelNames: ['model'],
      registers,
      async collect() {
        this.reset();
        await each((model, stats) => this.set({ model }, read(stats)));
      },
    });
  }
  for (const [name, help, label, read] of LISTS) {
    new Counter({
      name: `plexus_model_${name}_total`,
      help,
      labelNames: ['model', label],
      registers,
      async collect() {
        this.reset();
        await each((model, stats) => {
          for (const [value, number] of read(stats)) this.inc({ model, [label]: value }, number);
        });
      },
    });
  }
}
