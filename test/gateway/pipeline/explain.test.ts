/** Plans and types, printed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLibrary,
  explainMermaid,
  explainRun,
  explainText,
  generateProto,
  generateTypescript,
  readFolder,
} from '../../../gateway/pipeline/index.js';
import { packageRoot } from '../../../protos/index.js';
import { createFakeUpstream, standardAnswers } from './fake-upstream.js';
import { planOf, run } from './kit.js';

const small = planOf(`
name: small
version: "1"
description: Counts.
input: {text: string}
steps:
  count:
    call: tokenize.Count
    with: {texts: ["\${input.text}"]}
    timeout: 2s
    retry: 3
    fallback: {step: guess}
  guess:
    call: tokenize.Count
    with: {model: other, texts: ["\${input.text}"]}
  long:
    when: \${steps.count.counts[0] > 3}
    value: \${steps.count.counts[0] * 2}
output: {n: "\${steps.count.counts[0]}", m: "\${steps.long}"}
`);

describe('explaining a pipeline', () => {
  it('prints the plan as text', () => {
    assert.equal(
      explainText(small),
      `pipeline small@1: Counts.

input
  text: string

stage 1
  count: tokenize.Count -> plexus.v1.CountResponse
    texts = ["\${input.text}"]
    timeout 2000 ms; at most 3 tries; falls back to step guess

stage 2
  long: value -> int
    after count
    when \${steps.count.counts[0] > 3}
    = \${steps.count.counts[0] * 2}

only where a fallback asks for it
  guess: tokenize.Count -> plexus.v1.CountResponse
    model = other
    texts = ["\${input.text}"]

output
  n: int = \${steps.count.counts[0]}
  m: int (may be missing) = \${steps.long}
`,
    );
  });

  it('draws it', () => {
    assert.equal(
      explainMermaid(small),
      `flowchart TD
  input([input])
  step_count["count<br/>tokenize.Count"]
  step_guess["guess<br/>tokenize.Count"]
  step_long{{"long<br/>value"}}
  output([output])
  input --> step_count
  step_guess -. fallback .-> step_count
  input --> step_guess
  step_count --> step_long
  step_count --> output
  step_long --> output
`,
    );
  });

  it('shows where the time of a run went', async () => {
    const { result } = await run(small, createFakeUpstream(standardAnswers()), { text: 'a b c d e' });
    const printed = explainRun(small, result);
    assert.match(printed, /^count +\| *█+ *\| +\d+\.\d ms ok \(queue 0\.0, compute 1\.0\) wordpiece@1 on tokenize-1$/m);
    assert.match(printed, /^guess .* 0\.0 ms skipped$/m);
    assert.match(printed, /critical path: count -> long$/m);
    assert.match(explainMermaid(small, result), /class step_count,step_long critical/);
  });
});

describe('types of pipelines for callers', () => {
  const library = createLibrary();
  library.install(readFolder(join(packageRoot, 'pipelines')));
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'codegen-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('compile, and refuse a wrong field', function () {
    this.timeout(60_000); // a compiler of its own

    writeFileSync(join(folder, 'pipelines.ts'), generateTypescript(library.list()));
    const use = (line: string): string =>
      `import type { Pipelines } from './pipelines.js';\nconst input: Pipelines['analyze']['input'] = ${line};\nexport const read = (output: Pipelines['analyze']['output']): string => output.language[0]?.label ?? String(input);\n`;
    writeFileSync(join(folder, 'right.ts'), use("{ text: 'hi', sentences: 2 }"));
    writeFileSync(join(folder, 'wrong.ts'), use("{ txt: 'hi' }"));
    const flags = [
      '--strict',
      '--noEmit',
      '--pretty',
      'false',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--types',
      '',
    ];
    let output = '';
    try {
      const tsc = join(packageRoot, 'node_modules', '.bin', 'tsc');
      execFileSync(tsc, [...flags, 'right.ts', 'wrong.ts'], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      output = String((error as { stdout: unknown }).stdout);
    }
    assert.match(output, /wrong\.ts.*'txt' does not exist in type 'AnalyzeInput'/);
    assert.equal(output.split('error TS').length - 1, 1, output);
  });

  it('are a proto that compiles', function () {
    this.timeout(60_000);

    cpSync(join(packageRoot, 'protos', 'plexus'), join(folder, 'protos', 'plexus'), { recursive: true });
    writeFileSync(join(folder, 'protos', 'pipelines.proto'), generateProto(library.list()));
    writeFileSync(join(folder, 'buf.yaml'), 'version: v2\nmodules:\n  - path: protos\n');
    execFileSync(join(packageRoot, 'node_modules', '.bin', 'buf'), ['build'], { cwd: folder, stdio: 'pipe' });
  });
});

describe('the pipelines that come with Plexus', () => {
  const library = createLibrary();

  it('are right', () => {
    assert.deepEqual(library.install(readFolder(join(packageRoot, 'pipelines'))), []);
    assert.deepEqual(
      library.list().map(({ name }) => name),
      ['analyze', 'digest', 'route', 'search-index'],
    );
  });

  it('analyze summarizes only what is long', async () => {
    const upstream = createFakeUpstream(standardAnswers());
    const short = await run(library.get('analyze'), upstream, { text: 'a short text' });
    assert.equal(short.outcomes.summary, 'SKIPPED');
    assert.deepEqual(
      [short.output.summary, short.output.long, short.output.vector, short.output.dimensions],
      ['a short text', false, [], 4],
    );
    const long = await run(library.get('analyze'), upstream, { text: 'many words '.repeat(150), vector: true });
    assert.equal(long.outcomes.summary, 'OK');
    assert.deepEqual([long.output.summary, long.output.long], ['short: many words', true]);
    assert.deepEqual(long.output.vector, [17, 0.5, 0, 1], 'of the summary');
    assert.deepEqual(
      upstream.of('classify.Classify').map(({ model }) => model),
      ['sentiment-en', 'langid', 'sentiment-en', 'langid'],
    );
  });

  it('route sends what is uncertain to the fallback topic', async () => {
    const upstream = createFakeUpstream(standardAnswers());
    assert.equal((await run(library.get('route'), upstream, { text: 'refund' })).output.topic, 'billing');
    assert.equal((await run(library.get('route'), upstream, { text: 'refund', threshold: 0.6 })).output.topic, 'other');
  });

  it('digest and search-index answer', async () => {
    const upstream = createFakeUpstream(standardAnswers());
    assert.deepEqual(
      (await run(library.get('digest'), upstream, { documents: ['one text', 'another'] })).output.summaries,
      ['short: one text', 'short: another'],
    );
    const { output } = await run(library.get('search-index'), upstream, { text: 'One. Two. Three' });
    assert.equal((output.pieces as unknown[]).length, 3);
    assert.equal((output.vectors as unknown[]).length, 3);
  });
});
