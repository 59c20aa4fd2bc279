/** The pipelines of docs/pipelines.md are right and answer as the page says. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explainMermaid } from '../../gateway/pipeline/index.js';
import { packageRoot } from '../../protos/index.js';
import { createFakeUpstream, standardAnswers } from '../gateway/pipeline/fake-upstream.js';
import { planOf, run } from '../gateway/pipeline/kit.js';
import { plexus } from '../kit/cli.js';

const page = readFileSync(join(packageRoot, 'docs', 'pipelines.md'), 'utf8');

function example(name: string): string {
  const found = new RegExp(`<!-- pipeline: ${name} -->\n\`\`\`yaml\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
  assert.ok(found, `docs/pipelines.md has no example "${name}"`);
  return found;
}

describe('the pipelines of docs/pipelines.md', () => {
  it('the first one reads one answer in the next request', async () => {
    const upstream = createFakeUpstream(standardAnswers());
    const { output } = await run(planOf(example('first')), upstream, { text: 'sun' });
    assert.equal(output.mood, 'positive');
    assert.deepEqual(upstream.of('embed.Embed'), [{ texts: ['feeling positive: sun'] }]);
  });

  it('the router switches by language and splits by user', async () => {
    const plan = planOf(example('router'));
    const upstream = createFakeUpstream(standardAnswers());
    const english = await run(plan, upstream, { text: 'sun', user: 'a' });
    assert.deepEqual([english.output.language, english.output.mood], ['en', 'positive']);
    assert.deepEqual([english.outcomes.sentiment, english.outcomes.zero_shot], ['OK', 'SKIPPED']);
    const german = createFakeUpstream({
      ...standardAnswers(),
      'classify.Classify': () => ({ classifications: [{ labels: [{ label: 'de', score: 1 }] }] }),
    });
    const other = await run(plan, german, { text: 'Sonne', user: 'a' });
    assert.deepEqual([other.outcomes.sentiment, other.outcomes.zero_shot], ['SKIPPED', 'OK']);
    for (let user = 0; user < 100; user++) await run(plan, upstream, { text: 'sun', user: `user ${user}` });
    const rare = upstream.of('embed.Embed').filter(({ model }) => model === 'static-en').length;
    assert.ok(rare > 0 && rare < 30, `${rare} of 101`);
  });

  it('the ensemble runs its branches side by side', async () => {
    const { output } = await run(planOf(example('ensemble')), createFakeUpstream(standardAnswers()), {
      document: 'One. Two. Three',
    });
    assert.equal((output.piece_vectors as unknown[]).length, 3);
    assert.deepEqual(output.document_vector, [15, 0.5, 0, 1]);
  });

  it('the drawing is of the pipeline as it is', () => {
    const drawn = /<!-- mermaid: analyze -->\n```mermaid\n([\s\S]*?)```/.exec(page)?.[1];
    const yaml = readFileSync(join(packageRoot, 'pipelines', 'analyze.yaml'), 'utf8');
    assert.equal(drawn, explainMermaid(planOf(yaml)));
  });

  it('the mistakes are printed as the page shows them', async () => {
    const [, written = ''] = /<!-- mistakes: my.yaml -->\n```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const [, shown = ''] = /<!-- printed: my.yaml -->\n```\n([\s\S]*?)```/.exec(page) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'pipelines-docs-'));
    const file = join(folder, 'my.yaml');
    writeFileSync(file, written);
    const { stderr, code } = await plexus(['pipelines', 'validate', file]);
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual([stderr.replaceAll(file, 'my.yaml'), code], [shown, 1]);
  });

  it('the page names only keys that exist', () => {
    const schema = JSON.parse(
      readFileSync(join(packageRoot, 'docs', 'schema', 'pipeline.schema.json'), 'utf8'),
    ) as object;
    const known = JSON.stringify(schema);
    const table = page.slice(page.indexOf('## How a step runs'), page.indexOf('A step that was skipped'));
    const keys = [...table.matchAll(/^\| `(\w+):/gm)].map(([, key]) => key);
    assert.ok(keys.length > 8);
    for (const key of keys) assert.ok(known.includes(`"${key}"`), key);
  });
});
