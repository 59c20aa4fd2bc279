/** Progress: nothing for quick work or without a terminal, a line after a second, and no trace of it at the end. */
import assert from 'node:assert/strict';
import type { Io } from '../../cli/io.js';
import { withProgress } from '../../cli/progress.js';
import { createVirtualClock } from '../kit/clock.js';
import { defer } from '../kit/defer.js';

function terminal(isTTY: boolean): Io & { text: string } {
  const io = {
    text: '',
    isTTY,
    env: {},
    stdout: { write: () => {} },
    stderr: { write: (text: string) => (io.text += text) },
  };
  return io;
}

describe('progress', () => {
  it('shows nothing for work that takes less than a second', async () => {
    const io = terminal(true);
    const clock = createVirtualClock();
    const work = defer<number>();
    const result = withProgress(
      io,
      () => 'embed',
      () => work.promise,
      clock,
    );
    await clock.advance(999);
    work.resolve(7);
    assert.equal(await result, 7);
    assert.equal(io.text, '');
    assert.equal(clock.pending, 0);
  });

  it('shows what is going on and for how long after a second, and wipes it at the end', async () => {
    const io = terminal(true);
    const clock = createVirtualClock();
    const work = defer();
    let label = 'tokens';
    const result = withProgress(
      io,
      () => label,
      () => work.promise,
      clock,
    );
    await clock.advance(1_000);
    assert.match(io.text, /tokens … 1 s$/);
    label = 'summary';
    await clock.advance(2_000);
    assert.match(io.text, /summary … 3 s$/);
    work.resolve();
    await result;
    assert(io.text.endsWith('\r\x1b[K'));
    assert.equal(clock.pending, 0);
  });

  it('writes nothing where there is no terminal', async () => {
    const io = terminal(false);
    const clock = createVirtualClock();
    const work = defer();
    const result = withProgress(
      io,
      () => 'embed',
      () => work.promise,
      clock,
    );
    await clock.advance(5_000);
    work.resolve();
    await result;
    assert.equal(io.text, '');
  });

  it('wipes the line and passes the error on where the work fails', async () => {
    const io = terminal(true);
    const clock = createVirtualClock();
    const work = defer();
    const result = withProgress(
      io,
      () => 'embed',
      () => work.promise,
      clock,
    );
    const failed = assert.rejects(result, /broken/);
    await clock.advance(1_500);
    work.reject(new Error('broken'));
    await failed;
    assert(io.text.endsWith('\r\x1b[K'));
  });
});
