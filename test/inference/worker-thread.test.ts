/** What worker threads do for the thread that serves RPC: they give way to it, and give memory back at once. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { createDiscard } from '../../inference/discard.js';

describe('a worker thread', () => {
  it('lowers its own priority and nobody else’s', async function () {
    if (process.platform !== 'linux') {
      console.warn('SKIPPED: ONLY LINUX KNOWS A PRIORITY OF A SINGLE THREAD.');
      this.skip();
    }
    const before = getPriority();
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      const { readlinkSync } = require('node:fs');
      const { getPriority } = require('node:os');
      import(workerData).then(({ giveWay }) => {
        giveWay(7);
        parentPort.postMessage(getPriority(Number(readlinkSync('/proc/thread-self').split('/').pop())));
      });`;
    const module = new URL('../../inference/nice.js', import.meta.url).href;
    const worker = new Worker(script, { eval: true, workerData: module });
    const [priority] = (await once(worker, 'message')) as [number];
    await worker.terminate();
    assert.equal(priority, Math.min(19, before + 7));
    assert.equal(getPriority(), before);
  });

  it('frees memory that it gives away, and leaves alone what cannot be given', () => {
    const discard = createDiscard();
    const buffer = new ArrayBuffer(1_000);
    discard(buffer);
    assert.equal(buffer.byteLength, 0);
    const shared = new SharedArrayBuffer(1_000) as unknown as ArrayBuffer;
    discard(shared);
    assert.equal(shared.byteLength, 1_000);
  });
});
