/** The README cannot lie: its commands run against a mesh, its code is the code under examples/, its pipeline runs. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../protos/index.js';
import { plexus } from '../kit/cli.js';
import { type Mesh, startMesh } from '../kit/mesh.js';

const execute = promisify(execFile);
const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8');

/** Fenced blocks that follow a comment `<!-- kind: rest -->` or `<!-- kind -->`. */
function blocks(kind: string): { rest: string; body: string }[] {
  const pattern = new RegExp(`<!-- ${kind}(?:: ([^>]*?))? -->\\n\`\`\`\\w*\\n([\\s\\S]*?)\`\`\``, 'g');
  return [...readme.matchAll(pattern)].map(([, rest = '', body = '']) => ({ rest, body }));
}

describe('README', function () {
  this.timeout(60_000);
  let mesh: Mesh;
  let pipelines: string;

  before(async () => {
    pipelines = mkdtempSync(join(tmpdir(), 'plexus-readme-'));
    cpSync(join(packageRoot, 'pipelines'), pipelines, { recursive: true });
    for (const { body } of blocks('pipeline')) writeFileSync(join(pipelines, 'mood.yaml'), body);
    mesh = await startMesh([], { PLEXUS_PIPELINES: pipelines });
  });

  after(async () => {
    await mesh?.stop();
    rmSync(pipelines, { recursive: true, force: true });
  });

  const commands = blocks('runs').flatMap(({ body }) =>
    body
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => line.trim() !== ''),
  );
  it('has commands to run', () => assert(commands.length >= 6));

  for (const command of commands) {
    it(`runs: ${command.slice(0, 100)}`, async function () {
      const [tool = ''] = command.split(' ');
      if (tool !== 'npx' && !(await exists(tool))) {
        console.warn(`SKIPPED: ${tool.toUpperCase()} IS NOT HERE`);
        this.skip();
      }
      const here = command.replaceAll('127.0.0.1:8080', mesh.http).replaceAll('127.0.0.1:50050', mesh.grpc);
      const { stdout } = await execute('sh', ['-ec', here], {
        cwd: packageRoot,
        env: { ...process.env, PLEXUS_GATEWAY: mesh.grpc },
      });
      assert.notEqual(stdout.trim(), '');
      assert.doesNotMatch(stdout, /"error"/);
    });
  }

  for (const { rest, body } of blocks('file')) {
    it(`shows ${rest} as it is`, () => assert.equal(body, readFileSync(join(packageRoot, rest), 'utf8')));
  }

  it('has a TypeScript client that runs', async () => {
    const { stdout } = await execute(process.execPath, [
      join(packageRoot, 'dist', 'examples', 'typescript', 'quickstart.js'),
      mesh.grpc,
    ]);
    assert.match(stdout, /^2 vectors from \S+ \S+\nsport\n[\s\S]+FIELD_REQUIRED: texts/);
  });

  it('has a pipeline that is valid and runs', async () => {
    const valid = await plexus(['pipelines', 'validate', join(pipelines, 'mood.yaml')]);
    assert.equal(valid.code, 0, valid.stderr + valid.stdout);
    const { stdout, stderr, code } = await plexus(['run', 'mood', 'what a wonderful film', '--address', mesh.grpc]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /language: en\nmood: POSITIVE/);
  });

  it('names only files that exist', () => {
    for (const [, path = ''] of readme.matchAll(/\]\((?!http)([^)#]+)\)/g))
      assert(existsSync(join(packageRoot, path)), path);
  });
});

async function exists(tool: string): Promise<boolean> {
  return execute('sh', ['-c', `command -v ${tool}`]).then(
    () => true,
    () => false,
  );
}
