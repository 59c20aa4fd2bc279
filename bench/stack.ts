/**
 * What the upstream stack alone costs: microseconds of processor time a call, over a transport that answers at once, so that
 * nothing but the layers is in the figure (processor, not wall time: others may be at work on the machine). Each variant runs in
 * a process of its own, as a gateway does; rounds are interleaved and medians taken.
 * Run: node dist/bench/stack.js [rounds]; prints Markdown for bench/results/gateway.md.
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../chassis/clock.js';
import { Ending } from '../chassis/ending.js';
import { createUpstream, type UpstreamSettings } from '../gateway/upstream/index.js';
import { createFakeRegistry, testInstance, testUpstreamSettings, textRequest } from '../test/kit/upstream.js';

const CALLS = 40_000;
const BLOCK = 5_000;
const IN_FLIGHT = 64;

interface Variant {
  settings: Partial<UpstreamSettings>;
  /** Every call comes with an AbortController of its own rather than an Ending. */
  abortSignals?: boolean;
}

const layers = ['cache', 'throttle', 'bulkhead', 'retry', 'hedge', 'eject', 'breaker'] as const;
const none = Object.fromEntries(layers.map((layer) => [layer, false]));
const VARIANTS: Readonly<Record<string, Variant>> = {
  'every layer on': { settings: {} },
  ...Object.fromEntries(layers.map((layer) => [`without ${layer}`, { settings: { [layer]: false } }])),
  'only deadline, pick and send': { settings: none },
  'every layer on, an AbortController for each call': { settings: {}, abortSignals: true },
};

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The medians of blocks of calls, one and IN_FLIGHT in flight. */
async function measure({ settings, abortSignals }: Variant): Promise<[alone: number, together: number]> {
  const request = textRequest('a sentence of usual length, as texts to embed are');
  const answer = Promise.resolve({ response: request, trailers: {} });
  const pending = { answer, cancel: () => {} };
  const never = (): never => {
    throw new Error('no streams here');
  };
  const upstream = createUpstream({
    registry: createFakeRegistry([testInstance('embed-1'), testInstance('embed-2')]),
    settings: testUpstreamSettings({ pulse: false, ...settings }),
    clock: systemClock,
    random: Math.random,
    connect: () => ({ unary: () => pending, serverStream: never, bidi: never, close: () => {} }),
  });
  const block = async (inFlight: number): Promise<number> => {
    const deadlineMs = Date.now() + 10_000;
    let left = BLOCK;
    const worker = async (): Promise<void> => {
      while (left-- > 0)
        await upstream.unary({
          capability: 'embed',
          method: 'plexus.v1.Embed/Embed',
          request,
          deadlineMs,
          signal: abortSignals ? new AbortController().signal : new Ending(),
          idempotent: true,
        });
    };
    const before = process.cpuUsage();
    await Promise.all(Array.from({ length: inFlight }, worker));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / BLOCK;
  };
  const blocks = async (inFlight: number): Promise<number> => {
    const costs: number[] = [];
    for (let calls = 0; calls < CALLS; calls += BLOCK) costs.push(await block(inFlight));
    return median(costs);
  };
  for (let warm = 0; warm < 3; warm++) await blocks(IN_FLIGHT); // until it is compiled
  const figures: [number, number] = [await blocks(1), await blocks(IN_FLIGHT)];
  await upstream.close();
  return figures;
}

const [, , given, name] = process.argv;
if (given === '--measure') console.log(JSON.stringify(await measure(VARIANTS[name as string] as Variant)));
else {
  const rounds = Number(given ?? 5);
  const seen = Object.keys(VARIANTS).map((variant) => ({ variant, alone: [] as number[], together: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { variant, alone, together } of seen) {
      const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--measure', variant]);
      const [one, many] = JSON.parse(output.toString()) as [number, number];
      alone.push(one);
      together.push(many);
    }
  }
  console.log(`${cpus().length} cores, Node ${process.versions.node}, medians of ${rounds} interleaved rounds\n`);
  console.log(`| us of processor a call | one in flight | ${IN_FLIGHT} in flight |\n|---|---|---|`);
  for (const { variant, alone, together } of seen)
    console.log(`| ${variant} | ${median(alone).toFixed(2)} | ${median(together).toFixed(2)} |`);
}
