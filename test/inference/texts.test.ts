/** Texts to tokens beside everything else the RPC thread does. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { readSettings } from '../../chassis/settings.js';
import { createTextReader, inferenceSettings, type TextReader, type Tokenizer } from '../../inference/index.js';
import { packEncoding } from '../../inference/packed-encoding.js';
import { loadTokenizer } from '../../inference/tokenizer/index.js';
import { sharedOrSkip } from '../kit/shared.js';

const { signal } = new AbortController();

describe('the text reader', () => {
  let reader: TextReader;
  let tokenizer: Tokenizer;
  let folder: string;
  /** Texts the tokenizer of this thread was given. */
  let here: number;

  before(async function () {
    folder = join(sharedOrSkip(this, 'models'), 'tiny-static-embed');
    const real = await loadTokenizer(folder);
    tokenizer = {
      ...real,
      encodeIds: (text, options) => {
        here++;
        return real.encodeIds(text, options);
      },
      encode: (text, options) => {
        here++;
        return real.encode(text, options);
      },
      count: (text, special) => {
        here++;
        return real.count(text, special);
      },
    };
    const settings = { ...readSettings(inferenceSettings, {}), longText: 1_000 };
    reader = createTextReader({ name: 'm@1', tokenizer, folder, settings, clock: systemClock });
  });
  beforeEach(() => {
    here = 0;
  });
  after(() => reader?.close());

  const fitAll = (texts: string[], tokensMax: number, truncate: 'right' | 'left' | 'refuse') =>
    reader.fit(
      texts.map((text) => ({ text })),
      { tokensMax, truncate, field: (index) => `texts[${index}]`, signal },
    );

  it('cuts the end or the beginning, and says so', async () => {
    const [right] = await fitAll(['one two three four'], 4, 'right');
    const [left] = await fitAll(['one two three four'], 4, 'left');
    const [full] = await fitAll(['one two'], 4, 'right');
    assert.deepEqual(tokenizer.decode(right?.ids ?? []), 'one two');
    assert.deepEqual(tokenizer.decode(left?.ids ?? []), 'three four');
    assert.deepEqual([right?.truncated, left?.truncated, full?.truncated], [true, true, false]);
  });

  it('refuses to cut where it must not, with the count', async () => {
    await assert.rejects(fitAll(['one', 'one two three four'], 4, 'refuse'), (error: MeshError) => {
      assert.equal(error.code, 'TEXT_TOO_LONG');
      assert.equal(error.violations[0]?.field, 'texts[1]');
      assert.match(error.message, /has 6 tokens; m@1 takes 4/);
      return true;
    });
    assert.equal((await fitAll(['one two'], 4, 'refuse')).length, 1);
  });

  it('reads a long text in a thread of its own, with the same result', async () => {
    const long = 'The quick brown fox, jumped. '.repeat(100);
    const [short] = await reader.encode([{ text: 'fox' }], {}, signal);
    assert.deepEqual([here, short?.ids.length], [1, 3]);
    here = 0;
    const [ids] = await fitAll([long], 100_000, 'right');
    const [encoding] = await reader.encode([{ text: long }], { maxTokens: 50 }, signal);
    const [count] = await reader.count([long], true, signal);
    const chunks = await reader.chunk(long, { maxTokens: 64 }, signal);
    assert.equal(here, 0, 'not on this thread');
    assert.deepEqual(ids?.ids, tokenizer.encodeIds(long));
    assert.deepEqual(encoding, packEncoding(tokenizer.encode(long, { maxTokens: 50 }), long, undefined));
    assert.equal(count, tokenizer.count(long));
    assert.equal(chunks.map(({ start, end }) => long.slice(start, end)).join(''), long);
    assert.ok(reader.spentNs > 0);
  });

  it('keeps the order of answers, wherever they were read', async () => {
    const texts = ['one', 'two '.repeat(400), 'three', 'four '.repeat(500), ''];
    const counts = await reader.count(texts, false, signal);
    assert.deepEqual(counts, [1, 400, 1, 500, 0]);
  });

  it('lets the event loop turn while it reads many texts', async () => {
    let turns = 0;
    let reading = true;
    const read = fitAll(
      new Array(4_000).fill('The quick brown fox jumps over the lazy dog, again and again. '.repeat(10)),
      512,
      'right',
    ).then(() => {
      reading = false;
    });
    while (reading) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    await read;
    assert.ok(turns >= 10, `${turns} turns`);
  });

  it('stops when the caller leaves', async () => {
    const controller = new AbortController();
    const texts = new Array(5_000).fill({ text: 'The quick brown fox jumps over the lazy dog. '.repeat(20) });
    const read = reader.fit(texts, { tokensMax: 512, truncate: 'right', field: String, signal: controller.signal });
    setImmediate(() => controller.abort(new MeshError('CANCELLED', 'gone')));
    await assert.rejects(read, { code: 'CANCELLED' });
    assert.ok(here < 5_000, `${here} texts were read`);
  });

  describe('of a thread that', () => {
    const long = 'word '.repeat(400);
    let own: TextReader;
    let moving: string;
    beforeEach(async () => {
      moving = await mkdtemp(join(tmpdir(), 'texts-'));
      const settings = { ...readSettings(inferenceSettings, {}), longText: 1_000 };
      own = createTextReader({
        name: 'm@1',
        tokenizer,
        folder: moving,
        settings,
        clock: systemClock,
        lineUnitsMax: 2 * long.length,
      });
    });
    afterEach(async () => {
      await own.close();
      await rm(moving, { recursive: true });
    });

    it('could not be started tries again', async () => {
      await assert.rejects(own.count([long], false, signal), { code: 'MODEL_FAILED' });
      await symlink(join(folder, 'tokenizer.json'), join(moving, 'tokenizer.json'));
      assert.deepEqual(await own.count([long], false, signal), [400]);
    });

    it('has enough to do refuses more, and says when to come back', async () => {
      await symlink(join(folder, 'tokenizer.json'), join(moving, 'tokenizer.json'));
      const waiting = own.count([long, long], false, signal);
      await assert.rejects(own.count([long], false, signal), (error: MeshError) => {
        assert.equal(error.code, 'QUEUE_FULL');
        assert.ok((error.retryAfterMs ?? 0) > 0);
        return true;
      });
      assert.deepEqual(await waiting, [400, 400]);
      assert.deepEqual(await own.count([long, long], false, signal), [400, 400]);
    });
  });

  it('lets who waits for the thread leave the line', async () => {
    const controller = new AbortController();
    const long = 'word '.repeat(300_000);
    const first = reader.count([long], false, signal);
    const second = reader.count([long], false, controller.signal);
    setImmediate(() => controller.abort(new MeshError('CANCELLED', 'gone')));
    await assert.rejects(second, { code: 'CANCELLED' });
    assert.deepEqual(await first, [300_000]);
  });
});
