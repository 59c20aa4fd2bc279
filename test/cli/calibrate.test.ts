/** `plexus models calibrate` on a starter model: what it prints, what it installs, what it refuses. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../cli/plexus.js';
import { parseManifest } from '../../models/index.js';
import { temporaryFolders, writeFiles } from '../kit/model-folder.js';

/** Half of them labelled wrongly: a model that is sure of itself is made to doubt. */
const LINES = Array.from({ length: 40 }, (_, index) => {
  const label = index % 4 < 2 ? 'POSITIVE' : 'NEGATIVE';
  return JSON.stringify({
    text: index % 3 === 0 ? `what a wonderful film number ${index}` : `dull and boring ${index}`,
    label,
  });
}).join('\n');

describe('plexus models calibrate', function () {
  this.timeout(30_000);
  const temporary = temporaryFolders();

  async function type(
    content: string,
    ...more: string[]
  ): Promise<{ out: string; err: string; code: number | undefined; cache: string }> {
    const cache = temporary();
    writeFiles(cache, { 'labelled.jsonl': content });
    let [out, err] = ['', ''];
    const code = await run(['models', 'calibrate', 'sentiment-en', join(cache, 'labelled.jsonl'), ...more], {
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      isTTY: false,
      env: { PLEXUS_CACHE: cache },
    });
    return { out, err, code, cache };
  }

  it('says what it would change on texts it was not fitted on, and changes nothing', async () => {
    const { out, code } = await type(LINES);
    assert.equal(code ?? 0, 0, out);
    assert.match(out, /temperature \d+(?:\.\d+)?, fitted on 20 texts; on 20 others/);
    assert.match(out, /before +0\.\d{4}/);
    assert.match(out, /not installed: give a version with --as/);
  });

  it('installs a new version whose manifest has the calibration, beside the old one', async () => {
    const { out, err, cache } = await type(LINES, '--as', '1-calibrated', '--json');
    assert.equal(JSON.parse(out).installed, 'sentiment-en@1-calibrated', err);
    const file = join(cache, 'models', 'sentiment-en', '1-calibrated', 'manifest.json');
    const manifest = parseManifest(readFileSync(file, 'utf8'), 'manifest.json');
    const { calibration } = manifest.classify ?? {};
    assert.ok(calibration?.method === 'temperature' && calibration.temperature > 1);
    const fitted = calibration.fitted;
    assert.ok(fitted && fitted.nllAfter < fitted.nllBefore && fitted.rows === 20 && fitted.heldOut === 20);
  });

  for (const [what, content, more, message] of [
    [
      'a label the model does not have',
      LINES.replaceAll('POSITIVE', 'GOOD'),
      [],
      /line 1: "GOOD" is not a label of the model; it has/,
    ],
    ['too few texts', LINES.slice(0, 200), [], /at least 20 are needed|is not JSON/],
    ['a line that is no label', 'no tab here', [], /line 1: is neither JSON nor a label, a tab and a text/],
    [
      'a method it does not know',
      LINES,
      ['--method', 'magic'],
      /--method takes temperature, platt, isotonic, not magic/,
    ],
    ['the version it has', LINES, ['--as', '1'], /sentiment-en@1 exists; versions are immutable/],
  ] as const)
    it(`refuses ${what}`, async () => {
      const { err, code } = await type(content, ...more);
      assert.notEqual(code ?? 0, 0);
      assert.match(err, message);
    });
});
