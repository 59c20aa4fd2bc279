import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readModel } from '../../../gateway/api/wire.js';
import { definition } from '../../../protos/index.js';

const SEED = Number(process.env.PLEXUS_SEED ?? 20_261_122);

describe('reading the model of a request', () => {
  const methods = [
    definition('plexus.v1.Embed').Embed,
    definition('plexus.v1.Classify').ZeroShot,
    definition('plexus.v1.Tokenize').Chunk,
    definition('plexus.v1.Summarize').SummarizeStream,
  ];

  it('finds what the real encoder wrote, whatever else is in the message', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...methods),
        fc.string({ maxLength: 60 }),
        fc.array(fc.string(), { maxLength: 5 }),
        (method, model, texts) => {
          const bytes = (method.requestSerialize as (value: object) => Buffer)({
            model,
            texts,
            text: texts.join(' '),
            focus: 'x',
            maxTokens: 300,
          });
          assert.equal(readModel(bytes), Buffer.from(model).toString() || undefined);
        },
      ),
      { seed: SEED },
    );
  });

  it('never fails, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const model = readModel(Buffer.from(bytes));
        assert.ok(model === undefined || model.length > 0);
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  });

  it('takes the last of several, and none from a message that is cut', () => {
    assert.equal(readModel(Buffer.from([0x0a, 1, 0x61, 0x0a, 1, 0x62])), 'b');
    assert.equal(readModel(Buffer.from([0x0a, 5, 0x61])), undefined);
    assert.equal(readModel(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x61])), undefined);
    assert.equal(readModel(Buffer.alloc(0)), undefined);
  });
});
