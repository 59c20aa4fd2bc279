/** The supervisor's hold on one process: real processes, a virtual clock for the back-off. */
import assert from 'node:assert/strict';
import { type Child, type ChildState, createChild } from '../../cli/up/child.js';
import { createVirtualClock } from '../kit/clock.js';
import { until } from '../kit/until.js';

describe('child', () => {
  const started: Child[] = [];
  const clock = createVirtualClock();

  afterEach(async () => {
    await Promise.all(started.splice(0).map((child) => child.stop(5_000)));
  });

  function run(script: string): Child {
    const child = createChild({ name: 'test', args: ['-e', script], env: process.env, clock, onChange: () => {} });
    started.push(child);
    child.start();
    return child;
  }

  it('starts a process again that died, after a back-off that doubles', async () => {
    const child = run('process.exit(3)');
    const waits: number[] = [];
    for (let death = 0; death < 3; death++) {
      await until('the process died', () => (child.state as ChildState).at === 'waiting');
      assert(child.state.at === 'waiting');
      assert.equal(child.state.exit, 'exit 3');
      waits.push(child.state.untilMs - clock.now());
      await clock.advance(child.state.untilMs - clock.now());
    }
    assert.deepEqual(waits, [200, 400, 800]);
    assert.equal(child.restarts, 3);
  });

  it('says by which signal a process died', async () => {
    const child = run('setInterval(() => {}, 1000)');
    assert(child.state.at === 'running');
    process.kill(child.state.pid, 'SIGKILL');
    const { at, ...rest } = await until(
      'the process died',
      () => child.state as ChildState,
      (state) => state.at === 'waiting',
    );
    assert.equal(at, 'waiting');
    assert.equal('exit' in rest && rest.exit, 'SIGKILL');
  });

  it('stops for good: a process that waits to be started again is not', async () => {
    const child = run('process.exit(1)');
    await until('the process died', () => (child.state as ChildState).at === 'waiting');
    await child.stop(1_000);
    await clock.advance(60_000);
    assert.equal(child.state.at, 'stopped');
    assert.equal(child.restarts, 0);
  });

  it('kills a process that does not stop when asked', async () => {
    const child = run('process.on("SIGTERM", () => {}); process.send("deaf"); setInterval(() => {}, 1000)');
    assert(child.state.at === 'running');
    const { pid } = child.state;
    const stopped = child.stop(500);
    await clock.advance(500);
    await stopped;
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });
});
