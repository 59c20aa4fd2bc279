/** Support of a summary by its source. */
import assert from 'node:assert/strict';
import { createTurns } from '../../../inference/turns.js';
import { type FaithfulnessDeps, faithfulnessOf as faithfulness } from '../../../services/summarize/faithfulness.js';

const faithfulnessOf = (summary: readonly string[], source: readonly string[], deps: Partial<FaithfulnessDeps> = {}) =>
  faithfulness(summary, source, { sentencesMax: 600, turns: createTurns(4), ...deps });

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
    const score = await faithfulnessOf(['Quite another thing.'], SOURCE, { embed });
    assert.deepEqual(asked, ['Quite another thing.', ...SOURCE]);
    assert.equal(score, 0.5, 'no shared word, equal vectors');
  });

  it('counts the words of every script: a number in common supports no invented sentence', async () => {
    const russian = ['Гавань Бреста была закрыта в понедельник 2024 года после шторма.', 'Корабли ждали снаружи.'];
    const retold = await faithfulnessOf(['Гавань Бреста закрыта после шторма в 2024.'], russian);
    const invented = await faithfulnessOf(['Парламент снизил налоги на хлеб 2024.'], russian);
    assert.ok(retold > 0.6 && invented < 0.4, `${retold}, ${invented}`);
    const german = ['Die Größe der Straße überrascht.'];
    assert.ok(
      (await faithfulnessOf(['Überraschende Straße.'], german)) > (await faithfulnessOf(['Übung.'], german)) + 0.2,
    );
    const chinese = ['布雷斯特港口因暴风雨于周一关闭。', '面包店把面包送给了船员。'];
    const [told, other] = [
      await faithfulnessOf(['港口因暴风雨关闭。'], chinese),
      await faithfulnessOf(['议会降低税收。'], chinese),
    ];
    assert.ok(told > 0.6 && other < 0.2, `${told}, ${other}`);
  });

  it('compares no more sentences of a long source than it may, those of its end among them', async () => {
    const source = [
      ...Array.from({ length: 3_000 }, (_, index) => `Ship number ${index} left port ${index}.`),
      ...SOURCE,
    ];
    const asked: string[] = [];
    const embed = async (texts: readonly string[]) => {
      asked.push(...texts);
      return texts.map(() => [1, 0]);
    };
    const summary = ['Ships waited outside for two days.', 'Brest closed its harbour on Monday.'];
    assert.ok((await faithfulnessOf(summary, source, { embed, sentencesMax: 40 })) > 0.8);
    assert.equal(asked.length, summary.length + 40);
    for (const sentence of SOURCE.slice(0, 2)) assert.ok(asked.includes(sentence), sentence);
    const places = asked.slice(summary.length).map((sentence) => source.indexOf(sentence));
    assert.ok(places.filter((place) => place < 1_500).length > 10, 'others from all over the text');
  });

  it('takes turns with others on the thread', async () => {
    const source = Array.from({ length: 4_000 }, (_, index) => `Ship number ${index} left port ${index}.`);
    let taken = 0;
    const turns = { take: () => void taken++, spent: () => {} };
    const embed = async (texts: readonly string[]) => texts.map(() => new Float64Array(384).fill(0.05));
    await faithfulnessOf(
      source.slice(0, 20).map((each) => `No ${each}`),
      source,
      { embed, sentencesMax: 4_000, turns },
    );
    assert.ok(taken > 4, `${taken} turns`);
  });
});
