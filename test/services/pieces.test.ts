/** The pieces of an answer are made when they are asked for: then their time counts, and others can go first. */
import assert from 'node:assert/strict';
import { scoreEach } from '../../services/classify/zero-shot.js';
import { formatEach } from '../../services/embed/format.js';
import { sparsePieces, tokenPieces } from '../../services/embed/tokens.js';

describe('pieces of answers', () => {
  it('cost nothing before the first step', () => {
    let touched = 0;
    const touch = (): never => {
      touched++;
      throw new Error('touched');
    };
    const untouchable = new Proxy(new Float32Array(0), { get: touch });
    const made = [
      tokenPieces(new Proxy({} as Parameters<typeof tokenPieces>[0], { get: touch }), false),
      sparsePieces(untouchable, undefined, 1, false),
      formatEach([untouchable], 'int8'),
      scoreEach([untouchable], [untouchable], { multiLabel: false, rawScores: true }),
    ];
    assert.equal(touched, 0);
    for (const each of made) assert.throws(() => each.next(), /touched/);
  });

  it('are one vector, or the scores of one text, a step', () => {
    const [one, other] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
    const formatted = formatEach([one, other], 'binary');
    assert.deepEqual([formatted.next().value?.binary, formatted.next().value?.binary], [Buffer.of(128), Buffer.of(64)]);
    const scores = scoreEach([one, other], [one, other, one], { multiLabel: false, rawScores: true });
    assert.deepEqual([[...scores.next().value], [...scores.next().value], scores.next().done], [[1, 0], [0, 1], true]);
  });
});
