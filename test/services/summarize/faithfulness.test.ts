/** Support of a summary by its source. */
import assert from 'node:assert/strict';
import { faithfulnessOf } from '../../../services/summarize/faithfulness.js';

const SOURCE = [
  'The harbour of Brest was closed on Monday after a storm.',
  'Ships waited outside, and the storm lasted two days.',
  'The port authority expects to open again on Thursday.',
];

describe('faithfulness', () => {
  it('is 1 for sentences of the source, 0 for nothing', async () => {
    assert.equal(
      await faithfulnessOf([SOURCE[1] as string, ' The  harbour of Brest was closed on Monday after a storm.'], SOURCE),
      1,
    );
    assert.equal(await faithfulnessOf([], SOURCE), 0);
    assert.equal(await faithfulnessOf(['Anything.'], []), 0);
  });

  it('falls from a retelling over half of one to something else', async () => {
    const score = (summary: string) => faithfulnessOf([summary], SOURCE);
    const retold = await score('Brest closed its harbour on Monday after a storm.');
    const half = await score('The harbour of Brest was sold to a company from Norway.');
    const invented = await score('Parliament voted for lower taxes on bread.');
    assert.ok(retold > half + 0.1 && half > invented + 0.1, `${retold}, ${half}, ${invented}`);
    assert.ok(invented < 0.2 && retold > 0.6);
  });

  it('asks the embedder where there is one', async () => {
    const asked: string[] = [];
    const embed = async (texts: readonly string[]) => {
      asked.push(...texts);
      return texts.map(() => [1, 0]);
    };
    const score = await faithfulnessOf(['Quite another thing.'], SOURCE, embed);
    assert.deepEqual(asked, ['Quite another thing.', ...SOURCE]);
    assert.equal(score, 0.5, 'no shared word, equal vectors');
  });
});
