/** A tokenizer in memory: texts to tokens and back, transport-free. Any model of the repository has one; its weights stay on the disk. */
import type { Clock } from '../../chassis/clock.js';
import {
  createTextReader,
  type InferenceSettings,
  NO_STATS,
  openTokenizer,
  type Running,
  type TextReader,
  type Tokenizer,
} from '../../inference/index.js';
import type { StoredModel } from '../../models/index.js';

export interface TokenizeModel extends Running {
  readonly tokenizer: Tokenizer;
  readonly texts: TextReader;
  /** Counts a request that was answered. */
  answered(texts: number, tokens: number): void;
}

export async function openTokenizeModel(
  model: StoredModel,
  settings: InferenceSettings,
  clock: Clock,
): Promise<TokenizeModel> {
  const { manifest, folder } = model;
  const tokenizer = await openTokenizer(model);
  const name = `${manifest.name}@${manifest.version}`;
  const reader = createTextReader({ name, tokenizer, folder, settings, clock });
  const counts = { requests: 0, texts: 0, tokens: 0 };
  return {
    manifest,
    tokenizer,
    texts: reader,
    answered(texts, tokens) {
      counts.requests++;
      counts.texts += texts;
      counts.tokens += tokens;
    },
    async warmUp(signal) {
      await reader.count(['Ready?'], true, signal);
    },
    stats: () => ({
      ...NO_STATS,
      ...counts,
      tokenizeNs: reader.spentNs,
      queueLength: 0,
      queueTokens: 0,
      memoryBytes: 0,
      generatedTokens: 0,
    }),
    close: () => reader.close(),
  };
}
