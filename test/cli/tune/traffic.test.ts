/** Traffic for plexus tune: recorded files, what is wrong with them, synthetic lengths, times of arrival. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arrivals, REQUESTS_MAX, readTraffic, syntheticTraffic, textsPerRequest } from '../../../cli/tune/traffic.js';
import { temporaryFolders, withCode } from '../../kit/model-folder.js';

describe('traffic for plexus tune', () => {
  const temporary = temporaryFolders();
  const fileOf = (...lines: unknown[]): string => {
    const file = join(temporary(), 'traffic.jsonl');
    writeFileSync(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
    return file;
  };

  it('reads texts and token counts of its model, in order of time', async () => {
    const file = fileOf(
      { at: 300, model: 'a@1', tokens: [3, 4] },
      { at: 100, texts: ['one', 'two'] },
      { at: 200, model: 'b@1', tokens: [9] },
      '',
      { at: 150, text: 'three' },
    );
    const traffic = await readTraffic(file, 'a@1');
    assert.deepEqual(traffic.requests, [{ texts: ['one', 'two'] }, { texts: ['three'] }, { tokens: [3, 4] }]);
    assert.deepEqual(traffic.gapsMs, [50, 150, 100]);
    assert.equal(textsPerRequest(traffic), 5 / 3);
  });

  it('lets requests come at random where no times, or only one, are known', async () => {
    assert.equal((await readTraffic(fileOf({ text: 'x' }, { at: 5, text: 'y' }), 'a@1')).gapsMs, undefined);
    assert.equal((await readTraffic(fileOf({ at: 5, text: 'y' }, { at: 5, text: 'z' }), 'a@1')).gapsMs, undefined);
  });

  it('takes the last requests of a long recording', async () => {
    const lines = Array.from({ length: REQUESTS_MAX + 5 }, (_, index) => ({ at: index, tokens: [index + 1] }));
    const { requests, description } = await readTraffic(fileOf(...lines), 'a@1');
    assert.equal(requests.length, REQUESTS_MAX);
    assert.deepEqual(requests[0], { tokens: [6] });
    assert.match(description, /the last of 20005/);
  });

  for (const [name, lines, message] of [
    ['a line that is not JSON', [{ text: 'x' }, '{"text":'], /line 2 is not JSON/],
    ['a line without texts', [{ at: 1 }], /line 1 needs "texts"/],
    ['texts that are none', [{ texts: [1] }], /line 1 needs "texts"/],
    ['an empty request', [{ tokens: [] }], /line 1: tokens: /],
    ['a time that is none', [{ at: 'noon', text: 'x' }], /line 1: at: /],
    ['no requests', [''], /has no requests/],
    ['requests for other models only', [{ model: 'b@1', text: 'x' }], /no request for a@1, only 1 for other models/],
  ] as const) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(readTraffic(fileOf(...lines), 'a@1'), withCode('USAGE', message));
    });
  }

  it('refuses a file that is not there', async () => {
    await assert.rejects(readTraffic('/no/such/file', 'a@1'), withCode('USAGE', /cannot be read \(ENOENT\)/));
  });

  it('makes texts with the median and the 95th percentile it was asked for, the same for the same seed', () => {
    const options = { textsPerRequest: 4, lengthMedian: 24, lengthP95: 80, seed: 7 };
    const traffic = syntheticTraffic(options);
    assert.deepEqual(syntheticTraffic(options).requests, traffic.requests);
    assert.notDeepEqual(syntheticTraffic({ ...options, seed: 8 }).requests, traffic.requests);
    const lengths = traffic.requests.flatMap((request) => ('tokens' in request ? request.tokens : []));
    lengths.sort((a, b) => a - b);
    const at = (share: number): number => lengths[Math.floor(lengths.length * share)] as number;
    assert.ok(Math.abs(at(0.5) - 24) <= 1, `median ${at(0.5)}`);
    assert.ok(Math.abs(at(0.95) - 80) <= 4, `p95 ${at(0.95)}`);
    assert.equal(textsPerRequest(traffic), 4);
  });

  it('spreads synthetic arrivals like chance and keeps the pattern of recorded ones, both at the rate asked for', () => {
    const synthetic = syntheticTraffic({ textsPerRequest: 1, lengthMedian: 8, lengthP95: 16, seed: 1 });
    const due = arrivals(synthetic, 100, 100, 3);
    assert.equal(due.length, 10_000);
    assert.ok(Math.abs((due.at(-1) as number) - 100_000) < 3_000, `${due.at(-1)} ms`);
    const gaps = due.slice(1).map((at, index) => at - (due[index] as number));
    const share = gaps.filter((gap) => gap > 10).length / gaps.length; // of an exponential distribution: 1/e beyond its mean
    assert.ok(Math.abs(share - Math.exp(-1)) < 0.02, `${share}`);
    const recorded = { requests: synthetic.requests, gapsMs: [0, 0, 300], description: '' };
    assert.deepEqual(arrivals(recorded, 10, 0.6, 1), [0, 0, 0, 300, 300, 300]);
    assert.deepEqual(arrivals(recorded, 100, 0.06, 1), [0, 0, 0, 30, 30, 30]);
  });
});
