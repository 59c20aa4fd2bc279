/**
 * How many workers of how many threads a model gets on this machine. One worker of one thread a core is where one starts: workers
 * share the load better than threads share a product. Where cores are few that was measured once for all (bench/results/embed.md);
 * on more of them caches, memory and hyperthreads decide, so the first load of a model tries what is likely and keeps the answer.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { replaceFile } from './kept-file.js';

export interface Layout {
  workers: number;
  /** Of each worker. */
  threads: number;
}

/** Up to so many cores nothing is tried. */
const KNOWN_CORES_MAX = 2;
/** Another layout must be so much faster than one worker a core: what else runs on the machine disturbs the measurement. */
const CLEARLY = 1.15;
/** Answers that are kept; the oldest goes first. */
const KEPT_MAX = 256;

/** What the settings say; undefined where they leave it open. */
export function givenLayout(
  { workers, threads }: { workers: number; threads: number },
  cores: number,
): Layout | undefined {
  if (workers > 0) return { workers, threads: threads || 1 };
  if (threads > 0) return { workers: Math.max(1, Math.floor(cores / threads)), threads };
  return undefined;
}

/** What is worth trying on so many cores; the first is used unless another is clearly faster. */
export function layouts(cores: number): Layout[] {
  const first = { workers: cores, threads: 1 };
  if (cores <= KNOWN_CORES_MAX) return [first];
  const all = [first, { workers: Math.floor(cores / 2), threads: 2 }, { workers: Math.ceil(cores / 2), threads: 1 }];
  if (cores >= 8) all.push({ workers: Math.floor(cores / 4), threads: 4 });
  return all;
}

/** `measure` gives what is done in a time under a layout. The best is measured once more beside the first before it is believed. */
export async function fastest(all: readonly Layout[], measure: (layout: Layout) => Promise<number>): Promise<Layout> {
  const [first, ...others] = all as [Layout, ...Layout[]];
  if (others.length === 0) return first;
  const firstSpeed = await measure(first);
  let best = { layout: first, speed: firstSpeed * CLEARLY };
  for (const layout of others) {
    const speed = await measure(layout);
    if (speed > best.speed) best = { layout, speed };
  }
  if (best.layout === first) return first;
  const again = await measure(best.layout);
  return again > (await measure(first)) * CLEARLY ? best.layout : first;
}

/** The answer from `file` ("" for none), else from `choose`, which is then kept there. `model`: what tells models apart. */
export async function rememberedLayout(
  file: string,
  model: string,
  cores: number,
  choose: () => Promise<Layout>,
): Promise<Layout> {
  const machine = [model, cores, process.arch, cpus()[0]?.model ?? ''];
  const key = createHash('sha256').update(machine.join('\n')).digest('hex').slice(0, 32);
  const known = (await readAll(file))[key];
  if (known) return known;
  const found = await choose();
  if (file !== '') await keep(file, key, found).catch(() => {}); // measured again next time
  return found;
}

async function readAll(file: string): Promise<Record<string, Layout>> {
  try {
    const read = JSON.parse(await readFile(file, 'utf8')) as Record<string, Layout>;
    const whole = (value: unknown): boolean =>
      Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 256;
    return Object.fromEntries(
      Object.entries(read).filter(([, layout]) => whole(layout?.workers) && whole(layout?.threads)),
    );
  } catch {
    return {}; // not there, or not ours
  }
}

async function keep(file: string, key: string, { workers, threads }: Layout): Promise<void> {
  const all = Object.entries(await readAll(file)).slice(1 - KEPT_MAX);
  await replaceFile(file, JSON.stringify(Object.fromEntries([...all, [key, { workers, threads }]]), undefined, 2));
}
