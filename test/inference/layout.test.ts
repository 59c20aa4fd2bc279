import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '../../chassis/settings.js';
import { openEncoder } from '../../inference/index.js';
import { fastest, givenLayout, type Layout, layouts, rememberedLayout } from '../../inference/layout.js';
import { processMemory } from '../../inference/memory.js';
import { inferenceSettings } from '../../inference/settings.js';
import { temporaryFolders } from '../kit/model-folder.js';
import { starter } from '../kit/starter.js';

const shown = ({ workers, threads }: Layout): string => `${workers}x${threads}`;

describe('workers and threads', () => {
  const temporary = temporaryFolders();

  it('are one worker a core where cores are few, and never more threads than cores', () => {
    const table = [1, 2, 3, 4, 8, 16].map((cores) => [cores, layouts(cores).map(shown).join(' ')]);
    assert.deepEqual(table, [
      [1, '1x1'],
      [2, '2x1'],
      [3, '3x1 1x2 2x1'],
      [4, '4x1 2x2 2x1'],
      [8, '8x1 4x2 4x1 2x4'],
      [16, '16x1 8x2 8x1 4x4'],
    ]);
  });

  /** Measures by a table; a list gives one number after the other. */
  const choice = async (speeds: Record<string, number | number[]>): Promise<string> => {
    const measure = async (layout: Layout): Promise<number> => {
      const speed = speeds[shown(layout)] as number | number[];
      return typeof speed === 'number' ? speed : (speed.shift() as number);
    };
    return shown(await fastest(layouts(8), measure));
  };

  it('is what the settings say: workers of one thread, or workers for threads that fill the cores', () => {
    const given = (workers: number, threads: number, cores = 8): Layout | undefined =>
      givenLayout({ workers, threads }, cores);
    assert.deepEqual(given(3, 0), { workers: 3, threads: 1 });
    assert.deepEqual(given(3, 2), { workers: 3, threads: 2 });
    assert.deepEqual(given(0, 3), { workers: 2, threads: 3 });
    assert.deepEqual(given(0, 3, 2), { workers: 1, threads: 3 });
    assert.equal(given(0, 0), undefined);
  });

  it('change only for what is clearly faster', async () => {
    assert.equal(await choice({ '8x1': 100, '4x2': 110, '4x1': 60, '2x4': 90 }), '8x1');
    assert.equal(await choice({ '8x1': 100, '4x2': 150, '4x1': 120, '2x4': 180 }), '2x4');
  });

  it('do not change for what was faster only once', async () => {
    assert.equal(await choice({ '8x1': [50, 100], '4x2': [90, 100], '4x1': 40, '2x4': 30 }), '8x1');
  });

  it('are measured once for a model on a machine', async () => {
    const file = join(temporary(), 'cache', 'layouts.json');
    let measured = 0;
    const choose = async (): Promise<Layout> => ({ workers: 4, threads: ++measured });
    const ask = (model: string, cores: number): Promise<Layout> => rememberedLayout(file, model, cores, choose);
    assert.deepEqual(await ask('a', 8), { workers: 4, threads: 1 });
    assert.deepEqual(await ask('a', 8), { workers: 4, threads: 1 });
    assert.deepEqual([await ask('b', 8), await ask('a', 4)].map(shown), ['4x2', '4x3']);
    assert.deepEqual(await ask('a', 8), { workers: 4, threads: 1 });
    writeFileSync(file, '{"broken');
    assert.equal(shown(await ask('a', 8)), '4x4');
    assert.equal(Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object).length, 1);
  });

  it('are measured by running the model, at its first load on more cores than two', async function () {
    this.timeout(60_000);
    const folder = temporary();
    const model = await starter('static-en');
    const settings = { ...readSettings(inferenceSettings, {}), preparedFolder: folder };
    const before = processMemory.takenBytes;
    for (let load = 0; load < 2; load++) {
      const encoder = await openEncoder(model, settings, { cores: 3 });
      const { output } = await encoder.run(
        { ids: encoder.tokenizer.encodeIds('some words') },
        { kind: 'pool', pooling: 'mean' },
        { signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY },
      );
      assert.equal(output.length, encoder.shape.width);
      await encoder.close();
      const [kept, ...others] = Object.values(
        JSON.parse(readFileSync(join(folder, 'layouts.json'), 'utf8')) as Record<string, Layout>,
      );
      assert.ok(kept && layouts(3).map(shown).includes(shown(kept)));
      assert.deepEqual(others, []);
    }
    assert.equal(processMemory.takenBytes, before, 'memory was not given back');
  });

  it('are measured at every load where nothing can be kept', async () => {
    const choose = async (): Promise<Layout> => ({ workers: 1, threads: 1 });
    const file = join(temporary(), 'a-file');
    writeFileSync(file, '');
    assert.equal(shown(await rememberedLayout(join(file, 'layouts.json'), 'a', 8, choose)), '1x1');
    assert.equal(shown(await rememberedLayout('', 'a', 8, choose)), '1x1');
  });
});
