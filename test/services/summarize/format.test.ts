/** Layout of a summary, whole and in pieces: what was shown stays, and together it is the whole. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { countWords } from '../../../inference/extract/index.js';
import { createFlow, formatSentences, type Layout, layOut } from '../../../services/summarize/format.js';

const PLAIN: Layout = {
  bullets: false,
  sentencesMax: Number.POSITIVE_INFINITY,
  wordsMax: Number.POSITIVE_INFINITY,
  locale: 'en',
};
const TEXT = ' The storm is over. Ships sail again! Nobody was hurt, the port said. ';

function inPieces(text: string, cuts: readonly number[], layout: Layout): string[] {
  const flow = createFlow(layout);
  const points = [...cuts].map((cut) => cut % (text.length + 1)).sort((a, b) => a - b);
  const shown = [...points, text.length].map((end, index) => flow.push(text.slice(points[index - 1] ?? 0, end)));
  return [...shown, flow.end()];
}

describe('the layout of a summary', () => {
  it('is a paragraph without space around it, or a bullet a sentence', () => {
    assert.equal(layOut(TEXT, PLAIN), TEXT.trim());
    assert.equal(
      layOut(TEXT, { ...PLAIN, bullets: true }),
      '- The storm is over.\n- Ships sail again!\n- Nobody was hurt, the port said.',
    );
  });

  it('makes one bullet of what was one already', () => {
    assert.equal(
      layOut('- The storm is over.\n* Ships sail.\n• Fish', { ...PLAIN, bullets: true }),
      '- The storm is over.\n- Ships sail.\n- Fish',
    );
    assert.equal(formatSentences(['- The storm is over.', '-5 degrees.'], true), '- The storm is over.\n- -5 degrees.');
  });

  it('ends at a sentence border, after so many sentences or before a word too many', () => {
    assert.equal(layOut(TEXT, { ...PLAIN, sentencesMax: 2 }), 'The storm is over. Ships sail again!');
    assert.equal(layOut(TEXT, { ...PLAIN, wordsMax: 8 }), 'The storm is over. Ships sail again!');
    assert.equal(layOut(TEXT, { ...PLAIN, wordsMax: 1 }), 'The storm is over.', 'the first sentence stays');
  });

  it('says when it is full, so that nothing more need be generated', () => {
    const flow = createFlow({ ...PLAIN, sentencesMax: 1 });
    assert.equal(flow.push('One is enough.'), '');
    assert.equal(flow.full, false, 'the sentence may go on');
    assert.equal(flow.push(' Two'), '', 'it may be the beginning of another word');
    assert.equal(flow.push(' is'), 'One is enough.');
    assert.equal(flow.full, true);
    assert.equal(flow.push(' too many. Three.') + flow.end(), '');
  });

  const words = fc.array(
    fc.constantFrom(
      ...['Storm', 'is', 'over.', 'Ships', 'sail!', 'Why?', '\n', '  ', 'Größe', '日本語。', '🙂'],
      ...['Dr.', 'U.S.', 'In', 'Interior', '3.', '5', 'Mai', 'etc.', '"No."', '(Yes.)', '«Oui.»', 'z.', 'B.'],
    ),
    { maxLength: 40 },
  );
  const layout = fc.record({
    bullets: fc.boolean(),
    sentencesMax: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
    wordsMax: fc.constantFrom(3, 10, Number.POSITIVE_INFINITY),
    locale: fc.constantFrom('', 'en', 'ja'),
  });

  it('never shows more than was asked for, nor space at either end, however the text is cut', () => {
    fc.assert(
      fc.property(words, fc.array(fc.nat(400), { maxLength: 30 }), layout, (given, cuts, asked) => {
        const text = given.join(' ');
        const whole = inPieces(text, cuts, asked).join('');
        assert.equal(whole, whole.trim());
        const bare = (value: string): string => value.replace(/^- /gm, '').replace(/\s+/g, '');
        assert.ok(bare(text).startsWith(bare(whole)), 'nothing is invented, nothing left out in the middle');
        if (asked.sentencesMax === 1) assert.ok(!whole.includes('\n') || !asked.bullets);
        if (Number.isFinite(asked.wordsMax) && !/[\u3040-\u9fff]/.test(text)) {
          const first = layOut(text, { ...asked, sentencesMax: 1, wordsMax: Number.POSITIVE_INFINITY });
          assert.ok(countWords(whole) <= Math.max(asked.wordsMax, countWords(first)) || cuts.length > 0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is the same in pieces as in one, whatever is asked for', () => {
    fc.assert(
      fc.property(
        words,
        fc.array(fc.nat(400), { maxLength: 30 }),
        fc.oneof(fc.constant(PLAIN), layout),
        (given, cuts, asked) => {
          const text = given.join(' ');
          assert.equal(inPieces(text, cuts, asked).join(''), layOut(text, asked));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('puts no space between sentences that had none', () => {
    const text = '港口关闭了。船在外面等。暴风雨持续了两天。';
    assert.equal(layOut(text, { ...PLAIN, sentencesMax: 2, locale: 'zh' }), '港口关闭了。船在外面等。');
  });
});
