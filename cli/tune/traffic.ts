/**
 * The requests a model is tuned for: recorded ones from a file of lines (PLEXUS_RECORD writes such files), or synthetic ones whose
 * texts have lengths of a log-normal distribution, which is close to what sentences and passages have. Pure but for reading the file.
 */
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { MeshError } from '../../chassis/errors.js';
import { normalDraw, seededRandom } from './random.js';

/** Texts, or only how many tokens each has. */
export type TrafficRequest = { texts: readonly string[] } | { tokens: readonly number[] };

export interface Traffic {
  requests: readonly TrafficRequest[];
  /** Milliseconds from each request to the one after it; absent where no times are known: then they come at random (Poisson). */
  gapsMs?: readonly number[];
  /** For people: "recorded: 2000 requests of traffic.jsonl". */
  description: string;
}

export interface SyntheticOptions {
  textsPerRequest: number;
  /** Tokens, special tokens included. */
  lengthMedian: number;
  lengthP95: number;
  seed: number;
}

const FILE_BYTES_MAX = 512 * 2 ** 20;
/** Of a longer recording the last ones count. */
export const REQUESTS_MAX = 20_000;
const SYNTHETIC_REQUESTS = 4_096;
const TEXTS_MAX = 4_096;
/** z of the 95th percentile of the standard normal distribution. */
const Z95 = 1.6449;

const line = z.union(
  [
    z.object({ texts: z.array(z.string()).min(1).max(TEXTS_MAX) }),
    z.object({ tokens: z.array(z.int().min(0).max(1_000_000)).min(1).max(TEXTS_MAX) }),
    z.object({ text: z.string() }),
  ],
  'needs "texts" (strings), "text" (one) or "tokens" (how many each text has)',
);
const head = z.object({ at: z.number().min(0).optional(), model: z.string().optional() });

/**
 * Lines of JSON: `texts`, `text` or `tokens`; `at` in milliseconds since whenever; lines whose `model` is another one are left
 * out. USAGE names the line that is wrong.
 */
export async function readTraffic(file: string, model: string): Promise<Traffic> {
  const wrong = (text: string): MeshError => new MeshError('USAGE', `--traffic: ${file} ${text}`);
  let content: string;
  try {
    const { size } = await stat(file);
    if (size > FILE_BYTES_MAX) throw wrong(`has ${size} bytes, more than the ${FILE_BYTES_MAX} that are read`);
    content = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof MeshError) throw error;
    throw wrong(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const found: { request: TrafficRequest; at: number | undefined }[] = [];
  let others = 0;
  for (const [index, text] of content.split('\n').entries()) {
    if (text.trim() === '') continue;
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      throw wrong(`line ${index + 1} is not JSON: ${(error as Error).message}`);
    }
    const [about, body] = [head.safeParse(json), line.safeParse(json)];
    if (!about.success)
      throw wrong(`line ${index + 1}: ${about.error.issues[0]?.path.join('.')}: ${about.error.issues[0]?.message}`);
    if (about.data.model !== undefined && about.data.model !== model) {
      others++;
      continue;
    }
    if (!body.success) {
      const [issue] = body.error.issues;
      throw wrong(`line ${index + 1}${issue?.path.length ? `: ${issue.path.join('.')}:` : ''} ${issue?.message}`);
    }
    found.push({ request: 'text' in body.data ? { texts: [body.data.text] } : body.data, at: about.data.at });
  }
  if (found.length === 0) {
    throw wrong(others > 0 ? `has no request for ${model}, only ${others} for other models` : 'has no requests');
  }
  const kept = found.slice(-REQUESTS_MAX);
  const times = kept.map(({ at }) => at);
  const timed = kept.length > 1 && times.every((at) => at !== undefined);
  const sorted = timed ? (times as number[]).toSorted((a, b) => a - b) : [];
  const gaps = sorted.map((at, index) => (sorted[index + 1] ?? at) - at);
  // After the last request the first one comes again, an average gap later.
  if (timed) gaps[gaps.length - 1] = gaps.reduce((sum, gap) => sum + gap, 0) / (gaps.length - 1);
  const usable = timed && gaps.some((gap) => gap > 0);
  const order = timed ? kept.toSorted((a, b) => (a.at as number) - (b.at as number)) : kept;
  return {
    requests: order.map(({ request }) => request),
    ...(usable && { gapsMs: gaps }),
    description: `recorded: ${kept.length} requests${found.length > kept.length ? `, the last of ${found.length}` : ''}${usable ? '' : ', arriving at random'}`,
  };
}

export function syntheticTraffic({ textsPerRequest, lengthMedian, lengthP95, seed }: SyntheticOptions): Traffic {
  const random = seededRandom(seed);
  const sigma = Math.log(lengthP95 / lengthMedian) / Z95;
  const length = (): number => Math.max(1, Math.round(lengthMedian * Math.exp(sigma * normalDraw(random))));
  const texts = textsPerRequest === 1 ? '1 text' : `${textsPerRequest} texts`;
  return {
    requests: Array.from({ length: SYNTHETIC_REQUESTS }, () => ({
      tokens: Array.from({ length: textsPerRequest }, length),
    })),
    description: `synthetic: ${texts} a request, ${lengthMedian} tokens in the middle, ${lengthP95} at p95, seed ${seed}`,
  };
}

/** When each request of `seconds` at this rate is due, in ms from the start: the recorded gaps, scaled, or exponential ones. */
export function arrivals(traffic: Traffic, perSecond: number, seconds: number, seed: number): number[] {
  const random = seededRandom(seed);
  const { gapsMs } = traffic;
  const mean = gapsMs === undefined ? 1 : gapsMs.reduce((sum, gap) => sum + gap, 0) / gapsMs.length;
  const due: number[] = [];
  const count = Math.max(1, Math.round(perSecond * seconds));
  for (let index = 0, at = 0; index < count; index++) {
    due.push(at);
    const gap = gapsMs === undefined ? -Math.log(1 - random()) : (gapsMs[index % gapsMs.length] as number) / mean;
    at += (gap * 1_000) / perSecond;
  }
  return due;
}

/** On average. */
export function textsPerRequest({ requests }: Traffic): number {
  const count = (request: TrafficRequest): number => ('texts' in request ? request.texts : request.tokens).length;
  return requests.reduce((sum, request) => sum + count(request), 0) / requests.length;
}
