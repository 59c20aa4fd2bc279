/**
 * Compares models of the shapes that are in use with what transformers generated on them: `node full-shapes.js FOLDER`, FOLDER being
 * what full_shapes.py wrote. Not a test of the suite: the models take gigabytes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { mismatches } from './compare.js';
import { type Case, open, stored } from './models.js';

const root = resolve(process.argv[2] ?? '.');
console.log('| model | layout | cases: one row / beams | results | mismatches together | one at a time |');
console.log('|---|---|---|---|---|---|');
for (const name of readdirSync(root).sort()) {
  const folder = join(root, name);
  const cases = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Case[];
  const config = JSON.parse(readFileSync(join(folder, 'generation_config.json'), 'utf8')) as { num_beams?: number };
  const model = await open(stored(name, folder, { maxTokens: 512 }));
  const beams = cases.filter(({ parameters }) => Number(parameters.num_beams ?? config.num_beams ?? 1) > 1).length;
  const results = cases.reduce((sum, each) => sum + each.results.length, 0);
  const found = [await mismatches(model, cases, true), await mismatches(model, cases, false)] as const;
  console.log(
    `| ${name} | ${model.description} | ${cases.length - beams} / ${beams} | ${results} | ${found[0].length} | ${found[1].length} |`,
  );
  for (const each of new Set(found.flat())) console.error(`${name}: ${each}`);
  await model.close();
}
