import assert from 'node:assert/strict';
import { createTurns } from '../../inference/turns.js';

/** Ends with the current turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('lets everybody go on at once until the share of the turn is used up', async () => {
    const turns = createTurns(4);
    assert.equal(turns.take(), undefined);
    turns.spent(3);
    assert.equal(turns.take(), undefined);
    turns.spent(3);
    assert.ok(turns.take() instanceof Promise);
    await turn();
    await turn();
    assert.equal(turns.take(), undefined, 'a new turn, a new share');
  });

  it('lets one of those who wait go on in each turn, first come, first served', async () => {
    const turns = createTurns(4);
    turns.spent(10);
    const went: string[] = [];
    const all = ['a', 'b', 'c'].map(async (name) => {
      await turns.take();
      turns.spent(10);
      went.push(name);
    });
    const seen: number[] = [];
    while (went.length < 3) {
      await turn();
      seen.push(went.length);
    }
    await Promise.all(all);
    assert.deepEqual(went, ['a', 'b', 'c']);
    assert.ok(
      seen.every((count, index) => count - (seen[index - 1] ?? 0) <= 1),
      `${seen}`,
    );
  });

  it('does not let newcomers pass those who wait', async () => {
    const turns = createTurns(4);
    turns.spent(10);
    const went: string[] = [];
    const early = (async () => {
      await turns.take();
      went.push('early');
    })();
    const late = (async () => {
      await turns.take();
      went.push('late');
    })();
    await Promise.all([early, late]);
    assert.deepEqual(went, ['early', 'late']);
  });

  /** Requests of so many pieces, each of which fills a turn; their names in the order in which they were through. */
  async function run(
    sizes: Readonly<Record<string, number>>,
    more: (turn: number, start: (name: string, size: number) => void, through: readonly string[]) => void = () => {},
  ) {
    const turns = createTurns(4);
    const through: string[] = [];
    const all: Promise<void>[] = [];
    const start = (name: string, size: number): void => {
      const work = async (): Promise<void> => {
        for (let left = size; left > 0; left--) {
          await turns.take(left);
          turns.spent(4);
        }
        through.push(name);
      };
      all.push(work());
    };
    for (const [name, size] of Object.entries(sizes)) start(name, size);
    for (let count = 0; through.length < all.length; count++) {
      assert.ok(count < 10_000, `${through}`);
      more(count, start, through);
      await turn();
    }
    return through;
  }

  it('brings requests that came together through one after the other, not all at the end', async () => {
    const ends = new Map<string, number>();
    const through = await run({ a: 20, b: 20, c: 20 }, (count, _start, soFar) => {
      for (const name of soFar) if (!ends.has(name)) ends.set(name, count);
    });
    assert.equal(through[0], 'a');
    // In equal turns the first would be through after 58.
    assert.ok((ends.get('a') as number) <= 30, `after ${ends.get('a')} turns`);
  });

  it('lets a small request pass a big one', async () => {
    const through = await run({ big: 50 }, (count, start) => {
      if (count === 5) start('small', 2);
    });
    assert.deepEqual(through, ['small', 'big']);
  });

  it('passes nobody over for long, however many small ones come', async () => {
    const through = await run({ big: 10 }, (count, start) => {
      if (count < 200) start(`small ${count}`, 1);
    });
    assert.ok(through.indexOf('big') < 150, `after ${through.indexOf('big')} small ones`);
  });
});
