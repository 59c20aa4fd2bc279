/** What `plexus status` shows of each model in memory. */
import assert from 'node:assert/strict';
import { statusTable } from '../../cli/status.js';
import type { Model__Output } from '../../protos/gen/plexus/v1/Model.js';
import type { ModelStats__Output } from '../../protos/gen/plexus/v1/ModelStats.js';

describe('the status of models', () => {
  const model = (name: string, state: Model__Output['state']): Model__Output =>
    ({ name, version: '1', instance: 'embed-1', state, isDefault: name === 'a' }) as Model__Output;

  it('shows how full batches are, what tokenizing a text takes, and texts and tokens that wait', () => {
    const stats = {
      ...{ name: 'a', version: '1', instance: 'embed-1', requests: 30, texts: 40, tokens: 900, paddedTokens: 1_000 },
      ...{ batches: 10, tokenizeNs: 40 * 120_000, queueLength: 7, queueTokens: 210, failures: 1 },
      criticalities: [{ shed: 2 }, { shed: 3 }],
    } as ModelStats__Output;
    const shown = statusTable([model('a', 'MODEL_STATE_READY')], [stats]).split('\n');
    assert.deepEqual(
      shown.map((line) => line.split(/ {2,}/)),
      [
        [
          ...['instance', 'model', 'state', 'requests', 'tokens', 'fill', 'batch', 'tokenize ms'],
          ...['queued', 'queued tokens', 'shed', 'failures'],
        ],
        ['embed-1', 'a@1', 'ready (default)', '30', '900', '90 %', '4.0', '0.12', '7', '210', '5', '1'],
      ],
    );
  });

  it('shows models that have done nothing, and none that are not in memory', () => {
    const models = [model('b', 'MODEL_STATE_LOADING'), model('c', 'MODEL_STATE_AVAILABLE')];
    const [, ...rows] = statusTable(models, []).split('\n');
    assert.equal(rows.length, 1);
    assert.match(rows[0] as string, /^embed-1 +b@1 +loading +0 +0 +0 +0 +0 +0$/);
  });
});
