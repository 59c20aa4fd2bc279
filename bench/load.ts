/**
 * Latency against load, open loop through gRPC: requests of one text come when they are due, at 20 to 120 % of what a closed loop gets,
 * whether or not the ones before are answered. Times count from when a request was due. Beside p50 and p99: the longest event-loop
 * gap, padding, and in which batches the texts ran; an inline server gets the same rates. Prints Markdown and writes an SVG.
 * `node dist/bench/load.js [model] [seconds a step] [file.svg]`
 */
import { writeFileSync } from 'node:fs';
import { systemClock } from '../chassis/clock.js';
import { readSettings } from '../chassis/settings.js';
import { svgPlot, terminalPlot } from '../cli/plot.js';
import { closedLoop, type LoadStep, openLoop } from '../cli/tune/load.js';
import { arrivals } from '../cli/tune/traffic.js';
import { createRepository, modelFolders, modelSettings, parseReference } from '../models/index.js';
import { packageRoot } from '../protos/index.js';
import { type BenchService, startBenchService } from './service.js';
import { benchTexts } from './texts.js';

const [model = 'minilm-l3-en', seconds = '6', svg] = process.argv.slice(2);
const SHARES = [0.2, 0.4, 0.6, 0.8, 0.9, 1, 1.2];
/** Loads whose batches are shown. */
const SHOWN = [0.2, 0.6, 1];
/** Texts ran in batches of so many. */
const SIZES = [
  [1, 1],
  [2, 3],
  [4, 7],
  [8, 15],
  [16, 64],
] as const;

interface Step extends LoadStep {
  gapMs: number;
  /** Real tokens of a hundred padded ones. */
  fill: number;
  /** Of each answer: texts in its batch. */
  batches: number[];
}

const texts = benchTexts('mixed', 2_048);
const folders = modelFolders(readSettings(modelSettings, process.env), packageRoot);
const { manifest } = await createRepository({ folders }).find(parseReference(model));
const which = { id: `${manifest.name}@${manifest.version}`, name: model };

const send = (service: BenchService, batches: number[]) => async (index: number, signal: AbortSignal) => {
  const text = texts[index % texts.length] as string;
  const { timings } = await service.client.embed.embed({ texts: [text] }, { signal, timeoutMs: 60_000 });
  batches.push(timings?.batchSize ?? 1);
};

async function step(service: BenchService, perSecond: number, seed: number): Promise<Step> {
  const batches: number[] = [];
  const dueMs = arrivals({ requests: [], description: '' }, perSecond, Number(seconds), seed);
  service.reset();
  const before = await padding(service);
  const seen = await openLoop({ dueMs, send: send(service, batches), backlogMax: 2_000, clock: systemClock });
  const after = await padding(service);
  const { maxMs } = await service.report();
  return { ...seen, gapMs: maxMs, fill: (after.tokens - before.tokens) / (after.padded - before.padded), batches };
}

async function padding({ client }: BenchService): Promise<{ tokens: number; padded: number }> {
  const { stats } = await client.models.stats({ model }).catch(() => ({ stats: [] })); // the inline server has none
  return { tokens: stats[0]?.tokens ?? 0, padded: stats[0]?.paddedTokens ?? 0 };
}

const ours = await startBenchService('./loop-service.js', which);
const inline = await startBenchService('./inline-service.js', which);
const capacity = async (service: BenchService): Promise<number> => {
  await closedLoop({ callers: 64, seconds: 1, send: send(service, []), clock: systemClock });
  return closedLoop({ callers: 64, seconds: 3, send: send(service, []), clock: systemClock });
};
const most = { ours: await capacity(ours), inline: await capacity(inline) };
const seen: { share: number; ours: Step; inline: Step }[] = [];
for (const [index, share] of SHARES.entries()) {
  const perSecond = share * most.ours;
  seen.push({ share, ours: await step(ours, perSecond, index), inline: await step(inline, perSecond, index) });
}
await Promise.all([ours.stop(), inline.stop()]);

console.log(
  `${model} ${manifest.precision}, mixed, one text a request, ${seconds} s a step; 100 % = ${most.ours.toFixed(0)} requests/s, which 64 callers get of the embed service (of the inline server: ${most.inline.toFixed(0)})\n`,
);
console.log(
  '| load | requests/s | p50 ms | p99 ms | event-loop gap ms | inline: p50 ms | p99 ms | event-loop gap ms |',
);
console.log('|---|---|---|---|---|---|---|---|');
const ms = (value: number): string => (Number.isFinite(value) ? value.toFixed(1) : 'overloaded');
for (const { share, ours, inline } of seen) {
  const cells = [ours.requestsPerSecond.toFixed(0), ms(ours.p50Ms), ms(ours.p99Ms), ms(ours.gapMs)];
  const rival = inline.overloaded
    ? ['overloaded', '', ms(inline.gapMs)]
    : [ms(inline.p50Ms), ms(inline.p99Ms), ms(inline.gapMs)];
  console.log(`| ${(share * 100).toFixed(0)} % | ${[...cells, ...rival].join(' | ')} |`);
}
console.log(
  `\n| load | tokens / padded tokens | ${SIZES.map(([from, to]) => `texts in batches of ${from === to ? from : `${from}-${to}`}`).join(' | ')} |`,
);
console.log(`|---|---|${SIZES.map(() => '---|').join('')}`);
for (const { share, ours } of seen.filter((each) => SHOWN.includes(each.share))) {
  const shares = SIZES.map(([from, to]) => {
    const inside = ours.batches.filter((size) => size >= from && size <= to).length;
    return `${((100 * inside) / ours.batches.length).toFixed(0)} %`;
  });
  console.log(`| ${(share * 100).toFixed(0)} % | ${[ours.fill.toFixed(3), ...shares].join(' | ')} |`);
}
const points = (side: 'ours' | 'inline', of: 'p50Ms' | 'p99Ms') =>
  seen.map((each) => ({ x: each.ours.offeredPerSecond, y: each[side].overloaded ? Number.NaN : each[side][of] }));
const plot = {
  title: `${model} ${manifest.precision}: latency against load, open loop`,
  xLabel: 'requests/s',
  yLabel: 'ms',
  series: [
    { name: 'inline p50', mark: 'i', points: points('inline', 'p50Ms'), joined: true },
    { name: 'inline p99', mark: 'I', points: points('inline', 'p99Ms'), joined: true },
    { name: 'embed p50', mark: 'e', points: points('ours', 'p50Ms'), joined: true },
    { name: 'embed p99', mark: 'E', points: points('ours', 'p99Ms'), joined: true },
  ],
};
console.log(`\n\`\`\`\n${terminalPlot(plot)}\n\`\`\``);
if (svg !== undefined) writeFileSync(svg, svgPlot(plot));
