/** Logits to shares, and to shares that can be believed: by a temperature, or by a curve for each label. */
import type { Calibration } from '../../models/index.js';
import { sigmoid, softmax } from './labels.js';

export type Activation = 'softmax' | 'sigmoid' | 'none';

export function activate(logits: ArrayLike<number>, activation: Activation): ArrayLike<number> {
  switch (activation) {
    case 'softmax':
      return softmax(logits);
    case 'sigmoid':
      return sigmoid(logits);
    case 'none':
      return logits;
  }
}

/** As a calibration that was fitted for this activation makes them; softmax shares add up to 1 after it too. */
export function calibrate(
  logits: ArrayLike<number>,
  activation: 'softmax' | 'sigmoid',
  calibration: Calibration,
): ArrayLike<number> {
  if (calibration.method === 'temperature')
    return activate(
      Float64Array.from(logits, (logit) => logit / calibration.temperature),
      activation,
    );
  const shares =
    calibration.method === 'platt'
      ? sigmoid(
          oddsOf(logits, activation).map(
            (odds, label) => odds * (calibration.slopes[label] as number) + (calibration.intercepts[label] as number),
          ),
        )
      : Float64Array.from(activate(logits, activation), (share, label) =>
          onCurve(calibration.curves[label] as { from: number[]; to: number[] }, share),
        );
  if (activation === 'sigmoid') return shares;
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => (sum > 0 ? share / sum : 1 / shares.length)); // as scikit-learn's one-vs-rest does
}

/** Of each label the logarithm of share / (1 - share): the logit itself, or against all the others together. */
export function oddsOf(logits: ArrayLike<number>, activation: 'softmax' | 'sigmoid'): Float64Array {
  if (activation === 'sigmoid') return Float64Array.from(logits);
  let best = 0;
  for (let label = 1; label < logits.length; label++)
    if ((logits[label] as number) > (logits[best] as number)) best = label;
  const most = logits[best] as number;
  let second = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let label = 0; label < logits.length; label++) {
    sum += Math.exp((logits[label] as number) - most);
    if (label !== best) second = Math.max(second, logits[label] as number);
  }
  return Float64Array.from(logits, (logit, label) => {
    // The sum of the others is all less its own, of which at least 1 is left, for all but the best: where that has nearly all of it,
    // the difference would be rounded away.
    if (label !== best) return logit - most - Math.log(sum - Math.exp(logit - most));
    let others = 0;
    for (let other = 0; other < logits.length; other++)
      if (other !== best) others += Math.exp((logits[other] as number) - second);
    return logit - second - Math.log(others);
  });
}

/** Straight between the points, level beyond them. */
function onCurve({ from, to }: { from: readonly number[]; to: readonly number[] }, share: number): number {
  const high = from.findIndex((point) => point >= share);
  if (high === 0) return to[0] as number;
  if (high < 0) return to[to.length - 1] as number;
  const [x0, x1] = [from[high - 1] as number, from[high] as number];
  const [y0, y1] = [to[high - 1] as number, to[high] as number];
  return y0 + ((y1 - y0) * (share - x0)) / (x1 - x0);
}
