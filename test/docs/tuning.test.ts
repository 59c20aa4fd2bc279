/** What docs/tuning.md shows is what the code reads: the file, lines of traffic, options, variables. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { readTraffic } from '../../cli/tune/traffic.js';
import { registerTune } from '../../cli/tune/tune.js';
import { inferenceSettings, readTuning } from '../../inference/index.js';
import { packageRoot } from '../../protos/index.js';
import { temporaryFolders } from '../kit/model-folder.js';

describe('docs/tuning.md', () => {
  const temporary = temporaryFolders();
  const page = readFileSync(join(packageRoot, 'docs', 'tuning.md'), 'utf8');
  const blocks = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => text as string);

  it('shows lines of traffic that are read', async () => {
    const file = join(temporary(), 'traffic.jsonl');
    writeFileSync(file, blocks[0] as string);
    const { requests } = await readTraffic(file, 'minilm-l3-en@1');
    assert.deepEqual(requests, [{ tokens: [12, 40] }, { texts: ['what a wonderful film'] }]);
  });

  it('shows a tuning file that is read', async () => {
    const file = join(temporary(), 'tuning.json');
    writeFileSync(file, blocks[1] as string);
    assert.equal((await readTuning(file))['minilm-l3-en@1']?.batchTokensMax, 512);
  });

  it('names options and variables that there are', () => {
    const program = new Command();
    registerTune(program, { stdout: process.stdout, stderr: process.stderr, isTTY: false, env: {} });
    const options = program.commands[0]?.options.map(({ long }) => long) ?? [];
    const variables: string[] = Object.values(inferenceSettings).map(({ env }) => env);
    const named = (pattern: RegExp): string[] => [...new Set(page.match(pattern))];
    assert.deepEqual(
      named(/--[a-z][a-z0-9-]+/g).filter((option) => !options.includes(option)),
      [],
    );
    assert.deepEqual(
      named(/PLEXUS_[A-Z_]+/g).filter((variable) => !variables.includes(variable)),
      [],
    );
  });
});
