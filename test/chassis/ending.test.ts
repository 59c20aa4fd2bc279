/** The end of a call: light for those who listen, a signal for those who ask. */
import assert from 'node:assert/strict';
import { Ending } from '../../chassis/ending.js';
import { MeshError } from '../../chassis/errors.js';

describe('the end of a call', () => {
  const late = new MeshError('DEADLINE_EXCEEDED', 'late');
  const left = new MeshError('CANCELLED', 'left');

  it('is told once, with the first reason, to those who still listen', () => {
    const ending = new Ending();
    const heard: string[] = [];
    const listener = (): void => void heard.push('removed');
    ending.addEventListener('abort', () => heard.push(ending.reason?.code ?? ''));
    ending.addEventListener('abort', listener);
    ending.removeEventListener('abort', listener);
    assert.equal(ending.aborted, false);
    ending.end(late);
    ending.end(left);
    assert.deepEqual(heard, ['DEADLINE_EXCEEDED']);
    assert.ok(ending.aborted);
  });

  it('is a signal for whoever asks, before or after', () => {
    const before = new Ending();
    const { signal } = before;
    assert.equal(before.signal, signal);
    before.end(left);
    assert.equal(signal.reason, left);
    const after = new Ending();
    after.end(late);
    assert.equal(after.signal.aborted, true);
    assert.equal(after.signal.reason, late);
  });
});
