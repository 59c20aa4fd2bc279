/** Who waits for a place in the generator, and in what order they get one. */
import assert from 'node:assert/strict';
import { createWaiting, type Waiting } from '../../../inference/generate/waiting.js';

const create = (): Waiting<string> => createWaiting({ tenantsMax: 8, shares: new Map() });
const caller = (id: number) => ({ caller: id, tenant: 'one', criticality: 'default' }) as const;
const rest = (waiting: Waiting<string>): string => {
  const order: string[] = [];
  for (let entry = waiting.take(); entry !== undefined; entry = waiting.take()) order.push(entry);
  return order.join(' ');
};

describe('who waits for the generator', () => {
  it('keeps the order within a call, and its place when more of it comes', () => {
    const waiting = create();
    waiting.push(caller(1), 'a1', 1);
    waiting.push(caller(2), 'b1', 1);
    waiting.push(caller(1), 'a2', 1);
    assert.equal(rest(waiting), 'a1 b1 a2');
    assert.equal(waiting.size, 0);
  });

  it('passes over a call for one round only', () => {
    const waiting = create();
    for (const [index, name] of ['a', 'b', 'c'].entries()) waiting.push(caller(index), name, 1);
    waiting.pass();
    waiting.pass();
    assert.equal(waiting.peek(), 'c');
    waiting.pass();
    assert.equal(waiting.peek(), undefined);
    waiting.newRound();
    assert.equal(rest(waiting), 'a b c');
  });

  it('takes what was looked at, though somebody comes back before it is taken', () => {
    const waiting = create();
    waiting.push(caller(1), 'a1', 1);
    waiting.push(caller(1), 'a2', 1);
    assert.equal(waiting.take(), 'a1');
    assert.equal(waiting.peek(), 'a2');
    waiting.push(caller(2), 'b', 1); // new, it would go before a call that has had a turn
    assert.equal(waiting.take(), 'a2');
    assert.equal(rest(waiting), 'b');
  });

  it('forgets what is removed, wherever it stood', () => {
    const waiting = create();
    for (const [id, name] of [
      [1, 'a1'],
      [1, 'a2'],
      [2, 'b1'],
    ] as const)
      waiting.push(caller(id), name, 2);
    assert.deepEqual(
      waiting.remove((entry) => entry !== 'a2'),
      ['a1', 'b1'],
    );
    assert.equal(waiting.size, 1);
    assert.equal(rest(waiting), 'a2');
  });
});
