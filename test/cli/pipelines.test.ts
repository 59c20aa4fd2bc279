/** `plexus pipelines` as its user meets it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { MeshError } from '../../chassis/errors.js';
import type { Io } from '../../cli/io.js';
import { registerPipelineCommands } from '../../cli/pipelines/index.js';
import { packageRoot } from '../../protos/index.js';

async function plexus(...args: string[]): Promise<{ out: string; err: string; error: MeshError | undefined }> {
  const said = { out: '', err: '' };
  const io: Io = {
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    isTTY: false,
    env: {},
  };
  const program = new Command('plexus').exitOverride();
  registerPipelineCommands(program, io);
  let error: MeshError | undefined;
  await program.parseAsync(['pipelines', ...args], { from: 'user' }).catch((thrown: MeshError) => {
    error = thrown;
  });
  return { ...said, error };
}

describe('plexus pipelines', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pipelines-cli-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('validate points at every mistake', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(
      file,
      'name: bad\nversion: "1"\ninput: {text: string}\nsteps:\n  embed:\n    call: embed.Embed\n    with:\n      txts: ["${input.text}"]\noutput: {d: "${steps.embed.dimensions}"}\n',
    );
    const { err, error } = await plexus('validate', file);
    assert.equal(
      err,
      `${file}:7:5: steps.embed.with: EmbedRequest needs the field "texts" (list<string>); add texts: under with
    7 |     with:
      |     ^

${file}:8:7: steps.embed.with.txts: EmbedRequest has no field "txts"; did you mean "texts"?
    8 |       txts: ["\${input.text}"]
      |       ^
`,
    );
    assert.equal(error?.code, 'PIPELINE_INVALID');
    rmSync(file);
  });

  it('validate is content with what comes with Plexus', async () => {
    const { out, error } = await plexus('validate', join(packageRoot, 'pipelines', 'analyze.yaml'));
    assert.equal(error, undefined);
    assert.match(out, /analyze@1 is right, 5 steps/);
  });

  it('list and explain read a folder', async () => {
    writeFileSync(
      join(folder, 'one.yaml'),
      'name: one\nversion: "3"\ndescription: First.\ninput: {n: {type: int, default: 1}}\nsteps: {a: {value: "${input.n + 1}"}}\noutput: {m: "${steps.a}"}\n',
    );
    assert.match(
      (await plexus('list', '--folder', folder)).out,
      /^pipeline +input +output +description\none@3 +n\? +m +First\.\n$/,
    );
    assert.match((await plexus('explain', 'one', '--folder', folder)).out, /^pipeline one@3: First\./);
    assert.match((await plexus('explain', 'one', '--mermaid', '--folder', folder)).out, /^flowchart TD/);
    assert.equal((await plexus('explain', 'on', '--folder', folder)).error?.code, 'PIPELINE_UNKNOWN');
    assert.equal((await plexus('list', '--folder', join(folder, 'none'))).error?.code, 'USAGE');
  });

  it('codegen writes types and proto', async () => {
    assert.match((await plexus('codegen')).out, /export interface AnalyzeInput/);
    assert.match((await plexus('codegen', '--proto')).out, /message AnalyzeOutput/);
    const { out } = await plexus('codegen', '--out', join(folder, 'generated'));
    assert.equal(out, 'wrote pipelines.ts and pipelines.proto for 4 pipelines\n');
    assert.match(readFileSync(join(folder, 'generated', 'pipelines.proto'), 'utf8'), /^syntax = "proto3";$/m);
  });
});
