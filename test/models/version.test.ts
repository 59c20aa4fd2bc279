import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compareVersions } from '../../models/index.js';

describe('versions', () => {
  const newestFirst = (versions: string[]): string[] => [...versions].sort(compareVersions);

  const cases: [string, string[]][] = [
    ['orders numbers as numbers', ['10', '9', '2', '1']],
    ['orders dotted numbers piece by piece', ['1.10.0', '1.9.3', '1.9', '1']],
    ['puts a candidate before its release', ['2', '2-rc2', '2-rc1', '2-beta', '1']],
    ['takes any other suffix for a later variant', ['2', '1-int8', '1']],
    ['reads a leading v', ['v3', '2', 'v1']],
    ['puts numbered versions above commits', ['1', '751bff37182d-int8']],
  ];
  for (const [fact, expected] of cases) {
    it(fact, () => {
      assert.deepEqual(newestFirst([...expected].reverse()), expected);
      assert.deepEqual(newestFirst([...expected].sort()), expected);
    });
  }

  it('is a total order', () => {
    const version = fc.stringMatching(/^[0-9a-z][0-9a-z.-]{0,6}$/);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        assert.equal(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a)), 0);
        assert.equal(compareVersions(a, b) === 0, a === b);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
      }),
      { numRuns: 3_000 },
    );
  });
});
