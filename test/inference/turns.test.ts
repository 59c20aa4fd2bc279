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
});
