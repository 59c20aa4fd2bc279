/**
 * Calibrations from labelled texts: a temperature by negative log-likelihood (Guo et al. 2017, arXiv 1706.04599), a logistic curve
 * a label (Platt 1999), or a rising step curve a label (pool adjacent violators). For classifiers whose labels exclude each other.
 */
import type { Calibration } from '../../models/index.js';
import { calibrate, oddsOf } from './calibration.js';
import { softmax } from './labels.js';

/** A text's logits and the place of its true label. */
export interface Labelled {
  logits: ArrayLike<number>;
  label: number;
}

/** How far shares can be believed, on labelled texts. */
export interface Trust {
  /** Share of texts whose best label is the true one. */
  accuracy: number;
  /** Expected calibration error: 15 bins of equal width of the best label's share, |share - accuracy| weighted by texts. */
  ece: number;
  /** Mean negative logarithm of the true label's share. */
  nll: number;
}

const BINS = 15;
/** A share of 0 for what happened would cost infinitely much. */
const LEAST = 1e-12;

export function trustOf(rows: readonly Labelled[], calibration?: Calibration): Trust {
  const bins = Array.from({ length: BINS }, () => ({ texts: 0, right: 0, share: 0 }));
  let nll = 0;
  for (const { logits, label } of rows) {
    const shares = calibration ? calibrate(logits, 'softmax', calibration) : softmax(logits);
    let best = 0;
    for (let index = 1; index < shares.length; index++)
      if ((shares[index] as number) > (shares[best] as number)) best = index;
    const share = shares[best] as number;
    const bin = bins[Math.min(BINS - 1, Math.ceil(share * BINS) - 1)] as (typeof bins)[number];
    bin.texts++;
    bin.share += share;
    if (best === label) bin.right++;
    nll -= Math.log(Math.max(LEAST, shares[label] as number));
  }
  return {
    accuracy: bins.reduce((sum, { right }) => sum + right, 0) / rows.length,
    ece: bins.reduce((sum, { right, share }) => sum + Math.abs(right - share), 0) / rows.length,
    nll: nll / rows.length,
  };
}

export function fitCalibration(method: Calibration['method'], rows: readonly Labelled[], labels: number): Calibration {
  switch (method) {
    case 'temperature':
      return { method, temperature: fitTemperature(rows) };
    case 'platt': {
      const curves = Array.from({ length: labels }, (_, label) => fitPlatt(rows, label));
      return { method, slopes: curves.map(({ slope }) => slope), intercepts: curves.map(({ intercept }) => intercept) };
    }
    case 'isotonic':
      return { method, curves: Array.from({ length: labels }, (_, label) => fitIsotonic(rows, label)) };
  }
}

/** The likelihood has one peak in the temperature's logarithm: golden sections find it, between 1/50 and 50. */
function fitTemperature(rows: readonly Labelled[]): number {
  const lossAt = (log: number): number => trustOf(rows, { method: 'temperature', temperature: Math.exp(log) }).nll;
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [-Math.log(50), Math.log(50)];
  while (high - low > 1e-5) {
    const [a, b] = [high - golden * (high - low), low + golden * (high - low)];
    if (lossAt(a) < lossAt(b)) high = b;
    else low = a;
  }
  return round(Math.exp((low + high) / 2));
}

/**
 * One label against the rest: Newton's steps, halved until the loss falls (Lin, Lin and Weng 2007), from a level curve on; targets
 * drawn in from 0 and 1 as Platt has them, so that neither number runs away.
 */
function fitPlatt(rows: readonly Labelled[], label: number): { slope: number; intercept: number } {
  const positives = rows.filter((row) => row.label === label).length;
  const yes = (positives + 1) / (positives + 2);
  const no = 1 / (rows.length - positives + 2);
  const points = rows.map((row) => ({
    x: oddsOf(row.logits, 'softmax')[label] as number,
    target: row.label === label ? yes : no,
  }));
  /** Negative log-likelihood; log(1 + e^z) without overflow. */
  const lossAt = (slope: number, intercept: number): number =>
    points.reduce((sum, { x, target }) => {
      const z = slope * x + intercept;
      return sum + Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - target * z;
    }, 0);
  let [slope, intercept] = [0, Math.log((positives + 1) / (rows.length - positives + 1))];
  let loss = lossAt(slope, intercept);
  for (let step = 0; step < 100; step++) {
    // Without the small numbers a label that never differs would have no curvature.
    let [gradientA, gradientB, aa, ab, bb] = [0, 0, 1e-9, 0, 1e-9];
    for (const { x, target } of points) {
      const share = 1 / (1 + Math.exp(-(slope * x + intercept)));
      const weight = share * (1 - share);
      gradientA += (share - target) * x;
      gradientB += share - target;
      aa += weight * x * x;
      ab += weight * x;
      bb += weight;
    }
    const determinant = aa * bb - ab * ab;
    if (!(determinant > 0) || Math.abs(gradientA) + Math.abs(gradientB) < 1e-7) break;
    const a = (bb * gradientA - ab * gradientB) / determinant;
    const b = (aa * gradientB - ab * gradientA) / determinant;
    let size = 1;
    while (size > 1e-10 && !(lossAt(slope - size * a, intercept - size * b) < loss)) size /= 2;
    if (size <= 1e-10) break;
    slope -= size * a;
    intercept -= size * b;
    loss = lossAt(slope, intercept);
  }
  return { slope: round(slope), intercept: round(intercept) };
}

/** Shares of the label in order, neighbours that fall pooled; each pool is one or two points, so that it stays level. */
function fitIsotonic(rows: readonly Labelled[], label: number): { from: number[]; to: number[] } {
  const order = rows
    .map((row) => ({ share: softmax(row.logits)[label] as number, right: Number(row.label === label) }))
    .sort((a, b) => a.share - b.share);
  const pools: { low: number; high: number; right: number; texts: number }[] = [];
  for (const { share, right } of order) {
    pools.push({ low: share, high: share, right, texts: 1 });
    for (let last = pools.at(-1), before = pools.at(-2); last && before; last = pools.at(-1), before = pools.at(-2)) {
      const falls = before.right / before.texts >= last.right / last.texts;
      if (!falls && before.high < last.low) break;
      before.high = last.high;
      before.right += last.right;
      before.texts += last.texts;
      pools.pop();
    }
  }
  const from: number[] = [];
  const to: number[] = [];
  for (const { low, high, right, texts } of pools) {
    for (const point of low === high ? [low] : [low, high]) {
      from.push(point);
      to.push(right / texts);
    }
  }
  if (from.length === 1) {
    from.push((from[0] as number) + 1);
    to.push(to[0] as number);
  }
  return { from, to };
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
