/** Plans and types, printed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

describe('the critical path of a run', () => {
  it('passes what was cancelled by', async () => {
    const made = planOf(`
name: t
version: "1"
steps:
  gate: {call: tokenize.Count, with: {texts: [gate]}}
  slow: {call: tokenize.Count, with: {texts: [slow]}}
  chosen:
    switch:
      - {when: "\${steps.gate.counts[0] > 9}", value: "\${steps.slow.counts[0]}"}
      - {value: 7}
output: {x: "\${steps.chosen}"}
`);
    const { 'tokenize.Count': count } = standardAnswers();
    const upstream = createFakeUpstream({
      'tokenize.Count': (request) =>
        (request.texts as string[])[0] === 'slow' ? new Promise(() => {}) : (count?.(request) ?? {}),
    });
    const { result, outcomes } = await run(made, upstream);
    assert.equal(outcomes.slow, 'CANCELLED');
    assert.match(explainRun(made, result), /critical path: gate -> chosen$/m);
  });
});

describe('types of pipelines for callers', () => {
  const library = createLibrary();
  library.install(readFolder(join(packageRoot, 'pipelines')));
  const awkward = createLibrary();
  const [, snippet = ''] =
    /```ts\n(?:import .*\n)*\nconst plexus = .*\n([\s\S]*?)```/.exec(
      readFileSync(join(packageRoot, 'docs', 'pipelines.md'), 'utf8'),
    ) ?? [];
  let folder: string;
  before(() => {
    const define = (name: string, input: string): [string, string] => [
      `${name}.yaml`,
      `name: ${name}\nversion: "1"\ndescription: "Two lines\\n*/ of it"\n${input}steps: {a: {value: 1}}\noutput: {x: "\${steps.a}"}\n`,
    ];
    const problems = awkward.install(
      new Map([
        define('a-b', 'input: {dash: {type: int, description: "One\\ntwo */"}}\n'),
        define('a_b', 'input: {under: int}\n'),
        define('no-input', ''),
      ]),
    );
    assert.deepEqual(problems, []);
    assert.notEqual(snippet, '', 'docs/pipelines.md shows the typed client');
    folder = mkdtempSync(join(tmpdir(), 'codegen-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** What the compiler says of a caller's lines: one a mistake. */
  function compile(callers: Record<string, string>): string[] {
    const files = Object.entries(callers).map(([name, line]) => {
      const text = `import { createClient } from '${packageRoot}/client/index.ts';\nimport type { Pipelines } from './pipelines.ts';\nconst plexus = createClient<Pipelines>('127.0.0.1:1');\n${line}\n`;
      writeFileSync(join(folder, `${name}.ts`), text);
      return `${name}.ts`;
    });
    const flags =
      '--strict --noEmit --pretty false --module nodenext --target es2023 --allowImportingTsExtensions --skipLibCheck --exactOptionalPropertyTypes --types node --typeRoots';
    try {
      execFileSync(
        join(packageRoot, 'node_modules', '.bin', 'tsc'),
        [...flags.split(' '), join(packageRoot, 'node_modules', '@types'), ...files],
        { cwd: folder, encoding: 'utf8', stdio: 'pipe' },
      );
    } catch (error) {
      return String((error as { stdout: unknown }).stdout)
        .split('\n')
        .filter((line) => line.includes('error TS'));
    }
    return [];
  }

  it('compile, and refuse a wrong name, a wrong, missing or mistyped input and a wrong output', function () {
    this.timeout(60_000); // a compiler of its own

    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    writeFileSync(join(folder, 'pipelines.ts'), generateTypescript([...library.list(), ...awkward.list()]));
    const said = compile({
      right:
        "export const { output } = await plexus.run('analyze', { text: 'hi', sentences: 2 });\nexport const label: string | undefined = output.language[0]?.label;",
      documented: snippet,
      field: "await plexus.run('analyze', { txt: 'hi' });",
      missing: "await plexus.run('analyze', {});",
      type: "await plexus.run('analyze', { text: 7 });",
      name: "await plexus.run('analyse', { text: 'hi' });",
      output: "console.log((await plexus.run('analyze', { text: 'hi' })).output.lang);",
      stream:
        "for await (const { done } of plexus.runStream('analyze', { text: 'hi' })) console.log(done?.output.lang);",
      nothing: "await plexus.run('no-input', { text: 'hi' });",
      twin: "await plexus.run('a_b', { dash: 1 });",
    });
    assert.deepEqual(
      said.map((line) => line.slice(0, line.indexOf('.ts'))).sort(),
      ['field', 'missing', 'name', 'nothing', 'output', 'stream', 'twin', 'type'],
      said.join('\n'),
    );
  });

  it('are a proto that compiles', function () {
    this.timeout(60_000);

    cpSync(join(packageRoot, 'protos', 'plexus'), join(folder, 'protos', 'plexus'), { recursive: true });
    writeFileSync(join(folder, 'protos', 'pipelines.proto'), generateProto([...library.list(), ...awkward.list()]));
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
