/** JSON bodies: what is wrong is named, where it is. */
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { descriptors } from '../../../chassis/descriptors.js';
import type { MeshError } from '../../../chassis/errors.js';
import { parseBody, toMessageBytes } from '../../../gateway/http/json.js';
import { findJsonError } from '../../../gateway/http/json-place.js';

function desc(name: string) {
  const found = descriptors().getMessage(`plexus.v1.${name}`);
  assert.ok(found);
  return found;
}

describe('a JSON body', () => {
  it('is found wrong exactly where JSON.parse refuses it', () => {
    const mutated = fc
      .json()
      .chain((text) =>
        fc.tuple(
          fc.constant(text),
          fc.nat(text.length),
          fc.constantFrom('', '"', '}', ']', ',', ':', '\\', '0', 'x', '\n', '-', '.'),
        ),
      );
    fc.assert(
      fc.property(mutated, fc.boolean(), ([text, at, insert], cut) => {
        const changed = cut ? text.slice(0, at) : text.slice(0, at) + insert + text.slice(at);
        let valid = true;
        try {
          JSON.parse(changed);
        } catch {
          valid = false;
        }
        assert.equal(findJsonError(changed) === undefined, valid, JSON.stringify(changed));
      }),
      { numRuns: 1_000 },
    );
  });

  for (const [text, line, column, expected] of [
    ['{"texts": [a]}', 1, 12, 'a value'],
    ['{"texts": ["a",]}', 1, 16, 'a value'],
    ['{\n  "texts": ["a"]\n  "model": "m"\n}', 3, 3, '"," or "}"'],
    ['{texts: []}', 1, 2, 'a name in double quotes'],
    ['{"a": "b', 1, 7, 'the end of the string, or a valid escape'],
    ['{"a" 1}', 1, 6, '":" after the name'],
    ['{} {}', 1, 4, 'the end of the text'],
    ['{"a": NaN}', 1, 7, 'a value'],
  ] as const) {
    it(`says where ${JSON.stringify(text)} breaks`, () => {
      assert.deepEqual(findJsonError(text), { line, column, expected });
    });
  }

  it('nested a million deep is refused, not followed', () => {
    assert.equal(findJsonError('['.repeat(1_000_000))?.line, 1);
    const deep: unknown = JSON.parse(`${'['.repeat(2_000)}${']'.repeat(2_000)}`);
    assert.throws(() => toMessageBytes(desc('RunRequest'), { input: { a: deep as null } }), {
      code: 'FIELD_INVALID',
      message: /nested deeper than/,
    });
  });

  it('that is not UTF-8 is refused', () => {
    assert.throws(() => parseBody(Buffer.from([0x22, 0xff, 0x22])), { code: 'TEXT_NOT_UTF8' });
    assert.throws(() => toMessageBytes(desc('EmbedRequest'), { texts: ['fine', 'half \ud83d'] }), {
      code: 'TEXT_NOT_UTF8',
      message: /^texts\[1\]/,
    });
    assert.throws(() => toMessageBytes(desc('RunRequest'), { input: { a: [{ b: '\ud83d' }] } }), {
      code: 'TEXT_NOT_UTF8',
      message: /^input\.a\[0\]\.b/,
    });
    assert.doesNotThrow(() => toMessageBytes(desc('EmbedRequest'), { texts: ['whole 😀'] }));
  });

  it('takes names of the proto and names of JSON', () => {
    const request = desc('EmbedRequest');
    const one = toMessageBytes(request, { texts: ['a'], promptName: 'query', normalize: false });
    assert.deepEqual(one, toMessageBytes(request, { texts: ['a'], prompt_name: 'query', normalize: false }));
    assert.equal((fromBinary(request, one) as unknown as { promptName: string }).promptName, 'query');
  });

  for (const [message, body, code, field, text] of [
    ['EmbedRequest', { txts: [] }, 'FIELD_UNKNOWN', 'txts', /did you mean "texts"/],
    ['EmbedRequest', { texts: 'a' }, 'FIELD_INVALID', 'texts', /must be a list, is the string "a"/],
    ['EmbedRequest', { texts: ['a', 1] }, 'FIELD_INVALID', 'texts[1]', /must be a string, is 1/],
    ['EmbedRequest', { dimensions: -1 }, 'FIELD_INVALID', 'dimensions', /from 0 to 4294967295/],
    ['EmbedRequest', { dimensions: 1.5 }, 'FIELD_INVALID', 'dimensions', /whole number/],
    ['EmbedRequest', { dimensions: 4_294_967_296 }, 'FIELD_INVALID', 'dimensions', /whole number/],
    ['EmbedRequest', { normalize: 'yes' }, 'FIELD_INVALID', 'normalize', /true or false/],
    ['EmbedRequest', { pooling: 'MEAN' }, 'FIELD_INVALID', 'pooling', /one of POOLING_UNSPECIFIED/],
    [
      'SummarizeRequest',
      { length: { words: 3, tokens: 4 } },
      'FIELD_INVALID',
      'length.tokens',
      /only one of words and tokens/,
    ],
    ['SummarizeRequest', { length: { wordz: 3 } }, 'FIELD_UNKNOWN', 'length.wordz', /"words"/],
    ['SummarizeRequest', { generation: { temperature: 'hot' } }, 'FIELD_INVALID', 'generation.temperature', /a number/],
    ['SummarizeRequest', { generation: { temperature: 1e300 } }, 'FIELD_INVALID', 'generation.temperature', /a number/],
    ['ClassifyPairsRequest', { pairs: [{ text: 'a' }, 'b'] }, 'FIELD_INVALID', 'pairs[1]', /an object/],
  ] as const) {
    it(`${message} refuses ${JSON.stringify(body)}`, () => {
      assert.throws(
        () => toMessageBytes(desc(message), body as unknown as { [key: string]: null }),
        (error: MeshError) => {
          assert.equal(error.code, code);
          assert.equal(error.violations[0]?.field, field);
          assert.match(error.message, text);
          return true;
        },
      );
    });
  }

  it('that is no object is refused', () => {
    for (const body of [[], 'x', 1, null, true])
      assert.throws(() => toMessageBytes(desc('EmbedRequest'), body), { code: 'MESSAGE_INVALID' });
  });

  it('of any shape ends in bytes or in a refusal, never in anything else', () => {
    const request = desc('SummarizeRequest');
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...request.fields.map(({ name }) => name)), fc.jsonValue()), (body) => {
        try {
          toMessageBytes(request, body as { [key: string]: null });
        } catch (error) {
          assert.ok(
            ['FIELD_INVALID', 'FIELD_UNKNOWN', 'TEXT_NOT_UTF8', 'MESSAGE_INVALID'].includes((error as MeshError).code),
            String(error),
          );
        }
      }),
    );
  });
});
