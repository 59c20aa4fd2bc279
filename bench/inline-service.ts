/** The rival everybody writes first: the same server and tokenizer, session.run on the thread that serves RPC, one text at a time. */
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { implement } from '../chassis/implement.js';
import { createServer, serverSettings } from '../chassis/server.js';
import { readSettings } from '../chassis/settings.js';
import { readTuning } from '../inference/index.js';
import { normalize, pool } from '../inference/pooling.js';
import { loadTokenizer } from '../inference/tokenizer/index.js';
import { createRepository, modelFolders, modelSettings, parseReference, requireWeightFile } from '../models/index.js';
import type { EmbedHandlers } from '../protos/gen/plexus/v1/Embed.js';
import { packageRoot } from '../protos/index.js';
import { embedCodecs } from '../services/embed/codec.js';
import type { LoopReport } from './loop-service.js';

const folders = modelFolders(readSettings(modelSettings, process.env), packageRoot);
const stored = await createRepository({ folders }).find(
  parseReference(process.env.PLEXUS_MODEL_EMBED ?? 'minilm-l3-en'),
);
const tuning = process.env.PLEXUS_TUNING === 'off' ? {} : await readTuning(process.env.PLEXUS_TUNING ?? '');
const { precision = stored.manifest.precision } = tuning[`${stored.manifest.name}@${stored.manifest.version}`] ?? {};
const { folder } = stored;
const manifest = { ...stored.manifest, precision };
const session = await InferenceSession.create(join(folder, requireWeightFile(manifest, 'model')), {
  logSeverityLevel: 3,
});
const tokenizer = await loadTokenizer(folder);

async function embed(text: string): Promise<{ values: number[] }> {
  const ids = tokenizer.encodeIds(text, { maxTokens: manifest.maxTokens });
  const dims = [1, ids.length];
  const feeds: Record<string, Tensor> = {
    input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), dims),
    attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), dims),
    token_type_ids: new Tensor('int64', new BigInt64Array(ids.length), dims),
  };
  const given = Object.fromEntries(session.inputNames.map((name) => [name, feeds[name] as Tensor]));
  const { last_hidden_state: hidden } = await session.run(given, ['last_hidden_state']);
  const width = hidden?.dims[2] as number;
  const vector = new Float32Array(width);
  const vectors = { hidden: hidden?.data as Float32Array, from: 0, length: ids.length, width, skip: 0 };
  pool('mean', vectors, vector, 0, width);
  normalize(vector);
  return { values: vector as unknown as number[] };
}

const service = implement<EmbedHandlers>(
  'plexus.v1.Embed',
  {
    async Embed({ texts }) {
      const embeddings = [];
      for (const text of texts) embeddings.push(await embed(text));
      return { embeddings };
    },
    async *EmbedStream() {},
    EmbedTokens: () => ({}),
    EmbedSparse: () => ({}),
    Similarity: () => ({}),
  },
  { codecs: embedCodecs },
);
const server = createServer({
  services: [service],
  address: '127.0.0.1:0',
  settings: readSettings(serverSettings, {}),
});
const port = await server.start();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.send?.({ port });
process.on('message', (message: string) => {
  if (message === 'reset') delay.reset();
  if (message !== 'report') return;
  const { user, system } = process.cpuUsage();
  process.send?.({
    maxMs: delay.max / 1e6,
    p99Ms: delay.percentile(99) / 1e6,
    cpuMs: (user + system) / 1e3,
    activeMs: performance.eventLoopUtilization().active,
    rssBytes: process.memoryUsage.rss(),
  } satisfies LoopReport);
});
process.on('disconnect', () => void server.drain(0).finally(() => process.exit(0)));
