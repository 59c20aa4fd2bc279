/** The shapes of a model's runs, and what is warmed up with. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createShapes, dimsOfCall, shapeOf, shapeOfCall, usualShapes, warmShapes } from '../../inference/shapes.js';
import { createVirtualClock } from '../kit/clock.js';
import { temporaryFolders } from '../kit/model-folder.js';

describe('shapes', () => {
  const temporary = temporaryFolders();
  const limits = { tokensMax: 512, batchTokensMax: 256 };

  async function ran(file: string, model: string, shapes: readonly string[]): Promise<void> {
    const counted = createShapes({ file, model, clock: createVirtualClock() });
    for (const shape of shapes) counted.note(shape);
    await counted.close();
  }

  it('are kept by model, the most usual first, and fade by half from one process to the next', async () => {
    const file = join(temporary(), 'cache', 'shapes.json');
    await ran(file, 'a', ['1x4', '8x32', '8x32', '8x32', '8x32']);
    await ran(file, 'b', ['1x8']);
    assert.deepEqual(await usualShapes(file, 'a'), ['8x32', '1x4']);
    assert.deepEqual(await usualShapes(file, 'b'), ['1x8']);
    assert.deepEqual(await usualShapes(file, 'c'), []);
    await ran(file, 'a', ['1x4', '1x4', '1x4']);
    assert.deepEqual(await usualShapes(file, 'a'), ['1x4', '8x32']);
    for (let time = 0; time < 3; time++)
      await ran(
        file,
        'a',
        Array.from({ length: 40 }, (_, shape) => `${shape}x16`),
      );
    const kept = await usualShapes(file, 'a');
    assert.equal(kept.length, 24);
  });

  it('are written every ten minutes, and not at all where none ran', async () => {
    const file = join(temporary(), 'shapes.json');
    const clock = createVirtualClock();
    const counted = createShapes({ file, model: 'a', clock });
    await counted.close();
    assert.throws(() => readFileSync(file));
    counted.note('1x4');
    assert.equal(clock.pending, 1);
    await clock.advance(600_000);
    await counted.close();
    assert.deepEqual([await usualShapes(file, 'a'), clock.pending], [['1x4'], 0]);
  });

  it('are none where the file is not ours, which is then written anew, and lost where it cannot be', async () => {
    const file = join(temporary(), 'shapes.json');
    writeFileSync(file, '[1');
    assert.deepEqual(await usualShapes(file, 'a'), []);
    await ran(file, 'a', ['2x4']);
    assert.deepEqual(await usualShapes(file, 'a'), ['2x4']);
    await ran(join(file, 'shapes.json'), 'a', ['2x4']);
  });

  it('are told apart by rows up to a power of two, and lengths up to one or one and a half', () => {
    const table = [
      [1, 1, '1x4'],
      [1, 5, '1x6'],
      [5, 9, '8x12'],
      [8, 32, '8x32'],
      [9, 33, '16x48'],
      [1, 512, '1x512'],
    ] as const;
    for (const [rows, longest, shape] of table) assert.equal(shapeOf(rows, longest), shape);
  });

  it('are warmed up with within the budget and the model, short rows first, of each length the most rows', () => {
    const shown = (usual: readonly string[], most = limits): string[] =>
      warmShapes(usual, most).map(({ rows, length }) => `${rows}x${length}`);
    const always = ['64x4', '32x8', '16x16', '8x32', '4x64', '2x128', '1x256', '1x512'];
    assert.deepEqual(shown([]), always);
    const more = ['1x96', '2x96', '64x12', '1x768', 'not one'];
    assert.deepEqual(shown(more), ['64x4', '32x8', '21x12', '16x16', '8x32', '4x64', '2x96', ...always.slice(5)]);
    assert.deepEqual(shown(more, { ...limits, tokensMax: 8_192 }).at(-1), '1x768');
    assert.deepEqual(shown([], { tokensMax: 3, batchTokensMax: 256 }), ['85x3']);
  });

  it('of calls of tensors are the dimensions of every input, and read again so', () => {
    const calls = [[[1, 3, 224, 224], [10]], [[]], [[0, 2], [], [5]]];
    for (const dims of calls) assert.deepEqual(dimsOfCall(shapeOfCall(dims.map((each) => ({ dims: each })))), dims);
    assert.equal(dimsOfCall('1xtwo'), undefined);
  });
});
