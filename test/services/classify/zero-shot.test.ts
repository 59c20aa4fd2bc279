/** Zero-shot by an embedder, over one that the test plays. */
import assert from 'node:assert/strict';
import { NO_WORK } from '../../../services/answer.js';
import type { ZeroShotModel } from '../../../services/classify/model.js';
import { createZeroShot } from '../../../services/classify/zero-shot.js';
import type { EmbedOptions } from '../../../services/embed/model.js';
import { createVirtualClock } from '../../kit/clock.js';

describe('zero-shot by an embedder', () => {
  const asked: Pick<EmbedOptions, 'prompt' | 'normalize'>[] = [];
  /** Gives (1, 0) for what has an "a", else (0, 1). */
  const model = {
    ownPrompt: 'query: ',
    poolings: ['mean'],
    dimensionsOf: () => 2,
    manifest: { digest: 'sha256:0' },
    async embed(texts: readonly string[], { prompt, normalize }: EmbedOptions) {
      asked.push({ prompt, normalize });
      const vectors = texts.map((text) => (text.includes('a') ? Float32Array.of(1, 0) : Float32Array.of(0, 1)));
      return {
        vectors,
        tokens: texts.map(() => 1),
        truncated: texts.map(() => false),
        inputTokens: 1,
        timings: NO_WORK,
      };
    },
  } as unknown as ZeroShotModel;
  const request = { texts: ['a', 'b'], hypotheses: ['a', 'b', ''], truncate: 'right' } as const;
  const run = { signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY };
  const classify = async (multiLabel: boolean, rawScores: boolean): Promise<number[][]> => {
    const zeroShot = createZeroShot({ labelSetsMax: 4, clock: createVirtualClock() });
    const { scores } = await zeroShot.classify(model, { ...request, multiLabel, rawScores }, run);
    return scores.map((row) => Array.from(row));
  };

  it('embeds labels and texts as the model embeds any: its default prompt before them, of length 1', async () => {
    asked.length = 0;
    await classify(false, true);
    assert.deepEqual(asked, [
      { prompt: 'query: ', normalize: true },
      { prompt: 'query: ', normalize: true },
    ]);
  });

  it('gives cosines, shares of 20 times them, or each against the sentence about nothing', async () => {
    assert.deepEqual(await classify(false, true), [
      [1, 0],
      [0, 1],
    ]);
    const share = 1 / (1 + Math.exp(-20));
    const near = (found: number[][], wanted: number[][]): void =>
      assert.ok(
        found.flat().every((value, at) => Math.abs(value - (wanted.flat()[at] as number)) < 1e-12),
        `${found}`,
      );
    near(await classify(false, false), [
      [share, 1 - share],
      [1 - share, share],
    ]);
    near(await classify(true, false), [
      [share, 0.5],
      [1 - share, 0.5],
    ]);
  });
});
