/** Calibrations on logits whose truth is known: drawn from a softmax of them, then made too sure by a factor. */
import assert from 'node:assert/strict';
import { calibrate, oddsOf } from '../../../services/classify/calibration.js';
import { fitCalibration, type Labelled, trustOf } from '../../../services/classify/fit.js';
import { softmax } from '../../../services/classify/labels.js';

/** Mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Texts of three labels whose logits are `factor` times what they should be. */
function rows(count: number, factor: number, seed: number): Labelled[] {
  const draw = random(seed);
  return Array.from({ length: count }, () => {
    const honest = Array.from({ length: 3 }, () => (draw() - 0.5) * 4);
    let left = draw();
    const shares = softmax(honest);
    let label = 0;
    while (label < 2 && left >= (shares[label] as number)) left -= shares[label++] as number;
    return { logits: honest.map((logit) => logit * factor), label };
  });
}

describe('calibration', () => {
  const fitted = rows(4_000, 3, 17);
  const heldOut = rows(4_000, 3, 18);

  it('finds the temperature that made the scores too sure, and leaves honest ones alone', () => {
    const found = fitCalibration('temperature', fitted, 3);
    assert.ok(found.method === 'temperature' && Math.abs(found.temperature - 3) < 0.2, JSON.stringify(found));
    const honest = fitCalibration('temperature', rows(4_000, 1, 19), 3);
    assert.ok(honest.method === 'temperature' && Math.abs(honest.temperature - 1) < 0.1, JSON.stringify(honest));
  });

  for (const method of ['temperature', 'platt', 'isotonic'] as const)
    it(`makes the scores of texts it has not seen believable by ${method}`, () => {
      const found = fitCalibration(method, fitted, 3);
      const [before, after] = [trustOf(heldOut), trustOf(heldOut, found)];
      assert.ok(before.ece > 0.1, `${before.ece}`);
      assert.ok(after.ece < 0.03, `${after.ece}`);
      assert.ok(after.nll < before.nll - 0.1, `${before.nll} ${after.nll}`);
      for (const { logits } of heldOut.slice(0, 50)) {
        const shares = Array.from(calibrate(logits, 'softmax', found));
        assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
        assert.ok(shares.every((share) => share >= 0 && share <= 1));
      }
    });

  it('measures trust by its definitions', () => {
    const even = { logits: [0, 0], label: 0 };
    assert.deepEqual(trustOf([even, { ...even, label: 1 }]), { accuracy: 0.5, ece: 0, nll: Math.log(2) });
    const sure = { logits: [50, 0], label: 1 };
    const { accuracy, ece } = trustOf([sure]);
    assert.deepEqual([accuracy, Math.round(ece * 1e6) / 1e6], [0, 1]);
  });

  it('knows the odds of each label against all others, however far apart they are, in a few passes over them', () => {
    for (const logits of [
      [1, 2, 3],
      [5, 5, -1],
      [800, -800, 0, 799],
      [0, 0],
      [-40, 3],
    ]) {
      const found = oddsOf(logits, 'softmax');
      for (const [label, logit] of logits.entries()) {
        const others = logits.filter((_, other) => other !== label);
        const most = Math.max(...others);
        const wanted = logit - most - Math.log(others.reduce((sum, other) => sum + Math.exp(other - most), 0));
        assert.ok(Math.abs((found[label] as number) - wanted) <= 1e-12 * Math.max(1, Math.abs(wanted)), `${logits}`);
      }
    }
    let reads = 0;
    const many = new Proxy(new Array<number>(1_000).fill(0), {
      get(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
        return Reflect.get(target, key, target);
      },
    });
    oddsOf(many, 'softmax');
    assert.ok(reads <= 10 * many.length, `${reads} reads of ${many.length} logits`);
  });

  it('reads a curve between and beyond its points', () => {
    const curve = { from: [0.2, 0.6], to: [0.1, 0.5] };
    const half = { from: [0.2, 0.6], to: [0.9, 0.9] };
    const at = (share: number) => {
      const logits = [Math.log(share / (1 - share)), 0];
      return calibrate(logits, 'sigmoid', { method: 'isotonic', curves: [curve, half] })[0] as number;
    };
    for (const [share, wanted] of [
      [0.05, 0.1],
      [0.2, 0.1],
      [0.4, 0.3],
      [0.9, 0.5],
    ] as const)
      assert.ok(Math.abs(at(share) - wanted) < 1e-9, `${share}`);
  });
});
