/** The texts that figures are measured on: SST-2 dev and CNN/DailyMail sentences ("mixed"), and the same with long passages ("tail"). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../protos/index.js';

const datasets = join(process.env.PLEXUS_SHARED ?? join(packageRoot, '..', 'shared'), 'datasets');

function lines(path: string): Record<string, string>[] {
  return readFileSync(join(datasets, path), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>);
}

/** Repeatable pseudo-random numbers below 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `tail`: one text in ten is a passage of 100 to 2,200 characters. */
export function benchTexts(set: 'mixed' | 'tail', count: number): string[] {
  const articles = lines('cnn_dailymail/test-sample.jsonl').map(({ document }) => document as string);
  const sentences = articles
    .flatMap((article) => article.split(/(?<=[.!?]) +/))
    .filter((each) => each.length > 10 && each.length < 600);
  const reviews = lines('sst2/dev.jsonl').map(({ text }) => text as string);
  const next = seeded(7);
  const pick = (from: readonly string[]): string => from[Math.floor(next() * from.length)] as string;
  return Array.from({ length: count }, () => {
    if (set === 'tail' && next() < 0.1) return pick(articles).slice(0, 100 + Math.floor(next() * 2_100));
    return pick(next() < 0.5 ? reviews : sentences);
  });
}
