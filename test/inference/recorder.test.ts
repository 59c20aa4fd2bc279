/** The recorder of traffic: what it writes, and where it ends. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '../../chassis/settings.js';
import { inferenceSettings, openEncoder } from '../../inference/index.js';
import { createRecorder } from '../../inference/recorder.js';
import { createVirtualClock } from '../kit/clock.js';
import { temporaryFolders } from '../kit/model-folder.js';
import { starter } from '../kit/starter.js';
import { until } from '../kit/until.js';

const lines = (file: string): { at: number; model: string; tokens: number[] }[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('the recorder of traffic', () => {
  const temporary = temporaryFolders();

  it('writes time, model and tokens of each request, a second later or when it is closed', async () => {
    const file = join(temporary(), 'traffic.jsonl');
    const clock = createVirtualClock(5_000);
    const recorder = createRecorder({ model: 'a@1', file, bytesMax: 10_000, clock });
    recorder.note([3, 4]);
    assert.equal(existsSync(file), false);
    await clock.advance(1_000);
    await until('the first line', () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n')); // empty for a moment
    recorder.note([5]);
    await recorder.close();
    assert.deepEqual(lines(file), [
      { at: 5_000, model: 'a@1', tokens: [3, 4] },
      { at: 6_000, model: 'a@1', tokens: [5] },
    ]);
    assert.equal(clock.pending, 0);
  });

  it('ends when the file is full, counting what others wrote to it', async () => {
    const file = join(temporary(), 'traffic.jsonl');
    const clock = createVirtualClock();
    const one = createRecorder({ model: 'a@1', file, bytesMax: 130, clock });
    const other = createRecorder({ model: 'b@1', file, bytesMax: 130, clock });
    one.note([1]);
    await one.close();
    other.note([1]);
    await other.close();
    assert.equal(lines(file).length, 2);
    one.note([1]); // 48 bytes a line: a third would pass the limit
    await one.close();
    assert.equal(lines(file).length, 2);
    one.note([]);
    await one.close();
    assert.equal(clock.pending, 0, 'full: nothing is kept any more');
  });

  it('lets requests be where the file cannot be written', async () => {
    const clock = createVirtualClock();
    const recorder = createRecorder({ model: 'a@1', file: join(temporary(), 'no', 'file'), bytesMax: 1_024, clock });
    recorder.note([1]);
    await recorder.close();
    recorder.note([1]);
    assert.equal(clock.pending, 0);
  });

  it('hears of every request of an encoder, and of no text', async () => {
    const file = join(temporary(), 'traffic.jsonl');
    const settings = { ...readSettings(inferenceSettings, {}), workers: 1, recordFile: file };
    const encoder = await openEncoder(await starter('static-en@1'), settings);
    const inputs = [{ ids: Int32Array.of(101, 7592, 102) }, { ids: Int32Array.of(101, 102) }];
    const run = { signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY };
    await encoder.runAll(inputs, { kind: 'pool', pooling: 'mean' }, run);
    await encoder.close();
    const [found] = lines(file);
    assert.deepEqual([found?.model, found?.tokens], ['static-en@1', [3, 2]]);
  });
});
