import assert from 'node:assert/strict';
import type { CallContext } from '../../chassis/call.js';
import { MeshError } from '../../chassis/errors.js';
import { decodeLoadReport, LOAD_REPORT_KEY } from '../../chassis/load-report.js';
import { NO_STATS } from '../../inference/tally.js';
import { createLoadReporter } from '../../services/load-report.js';
import { createVirtualClock } from '../kit/clock.js';

describe('load reporter', () => {
  it('tells of the queue, the processor and the calls, anew every 50 ms', async () => {
    const clock = createVirtualClock();
    const queue = { queueLength: 0, queueTokens: 0, paddedTokens: 0 };
    let asked = 0;
    let cpuUs = 0;
    const reporter = createLoadReporter({
      stats: () => {
        asked++;
        return [{ ...NO_STATS, tokenizeNs: 0, memoryBytes: 0, generatedTokens: 0, ...queue }];
      },
      cores: 2,
      cpuUs: () => cpuUs,
      clock,
    });
    const end = (error?: MeshError) => {
      let report = '';
      const setTrailer = (key: string, value: string): void => {
        assert.equal(key, LOAD_REPORT_KEY);
        report = value;
      };
      reporter.begin({ setTrailer } as CallContext)(error);
      return decodeLoadReport(report);
    };
    assert.deepEqual(end()?.named, { queue_ms: 0, queue_tokens: 0, queue_texts: 0 });
    for (let each = 0; each < 9; each++) end();
    assert.equal(asked, 1);
    queue.queueTokens = 500;
    queue.queueLength = 20;
    await clock.advance(500);
    cpuUs += 500_000;
    const busy = end();
    assert.deepEqual([busy?.cpuUtilization, busy?.rps, busy?.eps], [0.5, 22, 0]);
    assert.deepEqual(
      busy?.named,
      { queue_ms: 0, queue_tokens: 500, queue_texts: 20 },
      'how fast it moves is not known yet',
    );
    queue.paddedTokens += 2_000;
    await clock.advance(1_000);
    const moving = end(new MeshError('QUEUE_FULL', 'full'));
    assert.equal(moving?.named.queue_ms, 250, '500 tokens at 2 a millisecond');
    assert.equal(moving?.eps, 1);
  });
});
