import assert from 'node:assert/strict';
import { PlainSignal } from '../../chassis/plain-signal.js';

describe('plain signal', () => {
  it('tells every listener once, with the first reason, and not those that left', () => {
    const signal = new PlainSignal();
    const heard: string[] = [];
    const listener = (name: string) => (): void => void heard.push(`${name} ${signal.reason}`);
    const [a, b, c] = [listener('a'), listener('b'), listener('c')] as const;
    for (const each of [a, b, c]) signal.addEventListener('abort', each);
    signal.removeEventListener('abort', b);
    signal.removeEventListener('abort', listener('unknown'));
    signal.abort('gone');
    signal.abort('again');
    assert.deepEqual(heard, ['a gone', 'c gone']);
    assert.equal(signal.aborted, true);
  });
});
