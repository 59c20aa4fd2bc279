import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fixture } from './fixtures.js';

describe('decode streams', () => {
  it('give, piece by piece, what decoding at once gives', () => {
    for (const name of [
      'byte-level-bpe',
      'byte-level-bpe-regex',
      'byte-fallback-bpe',
      'unigram-charsmap',
      'word-piece-uncased',
    ]) {
      const tokenizer = fixture(name);
      fc.assert(
        fc.property(
          fc.array(fc.constantFrom('the fox', ' runs', ' é', '日本', ' 👍🏽', '.', ' größe', 'İ'), { maxLength: 8 }),
          (parts) => {
            const ids = tokenizer.encodeIds(parts.join(''));
            const stream = tokenizer.createDecodeStream();
            let text = '';
            for (const id of ids) {
              const piece = stream.push(id);
              if (!name.startsWith('word') && !name.startsWith('unigram'))
                assert.ok(!piece.includes('\ufffd'), JSON.stringify(piece));
              text += piece;
            }
            assert.equal(text + stream.end(), tokenizer.decode(ids));
          },
        ),
        { numRuns: 60, seed: 4 },
      );
    }
  });

  it('hold half a character back until it is whole, and show it broken only at the end', () => {
    const tokenizer = fixture('byte-level-bpe');
    const ids = [...tokenizer.encodeIds('👍', { addSpecialTokens: false })];
    const whole = tokenizer.createDecodeStream();
    const pieces = ids.map((id) => whole.push(id));
    assert.equal(pieces.join('').trimStart(), '👍');
    assert.ok(pieces.slice(0, -1).every((piece) => piece.trim() === ''));
    const broken = tokenizer.createDecodeStream();
    for (const id of ids.slice(0, -1)) assert.equal(broken.push(id).trim(), '');
    assert.ok(broken.end().includes('\ufffd'));
  });

  it('never hold back without bound', () => {
    const tokenizer = fixture('byte-fallback-bpe');
    const id = tokenizer.tokenToId('<0xE3>') as number;
    const stream = tokenizer.createDecodeStream({ skipSpecialTokens: false });
    let shown = '';
    for (let i = 0; i < 1000; i++) shown += stream.push(id);
    assert.ok(shown.length > 500);
  });
});
