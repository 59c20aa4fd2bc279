import assert from 'node:assert/strict';
import { isDeterministic } from '../../../gateway/api/deterministic.js';
import { definition } from '../../../protos/index.js';

describe('calls with equal answers for equal bytes', () => {
  const embed = (texts: string[]): Buffer => definition('plexus.v1.Embed').Embed.requestSerialize({ texts });
  const summarize = (request: object): Buffer =>
    definition('plexus.v1.Summarize').Summarize.requestSerialize({ texts: Array(40).fill('a text'), ...request });

  it('are those of every capability that only computes, not those of infer', () => {
    for (const capability of ['tokenize', 'embed', 'classify'])
      assert.equal(isDeterministic(capability, embed(['a'])), true, capability);
    for (const capability of ['infer', 'anything']) assert.equal(isDeterministic(capability, embed(['a'])), false);
  });

  it('are not looked for among large requests', () => {
    assert.equal(isDeterministic('embed', embed(['x'.repeat(16_000)])), true);
    assert.equal(isDeterministic('embed', embed(['x'.repeat(17_000)])), false);
  });

  for (const [what, request, expected] of [
    ['extractive', { mode: 'SUMMARIZE_MODE_EXTRACTIVE' }, true],
    ['as the model does', {}, false],
    ['abstractive', { mode: 'SUMMARIZE_MODE_ABSTRACTIVE' }, false],
    ['without sampling', { generation: { doSample: false } }, true],
    ['sampled', { generation: { doSample: true, temperature: 0.7 } }, false],
    ['sampled with a seed', { generation: { doSample: true, seed: 7 } }, true],
    ['with other parameters', { generation: { numBeams: 4 } }, false],
  ] as const) {
    it(`summaries ${what}: ${expected ? 'yes' : 'no'}`, () => {
      assert.equal(isDeterministic('summarize', summarize(request)), expected);
    });
  }

  it('are none where the request is no message', () => {
    assert.equal(isDeterministic('summarize', Buffer.from([0x2a, 0x7f, 1])), false);
  });
});
