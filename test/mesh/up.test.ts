/** `plexus up` as its user meets it: one command, five processes, the CLI against them, a kill -9, Ctrl-C. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { createClient, MeshError, type PlexusClient } from '../../client/index.js';
import { withHugePages } from '../../inference/huge-pages.js';
import { plexus } from '../kit/cli.js';
import { type Mesh, startMesh } from '../kit/mesh.js';

const ARTICLE = [
  'The city council met on Tuesday evening to discuss the future of the old iron bridge that crosses the river near the market.',
  'Engineers hired by the city said that the bridge, built in 1911, would not carry heavy traffic for more than ten years.',
  'Several residents asked how much a new bridge would cost and who would pay for it.',
  'The mayor promised a full report by the end of June and said that no decision had been taken.',
  'A group of historians spoke in favour of keeping the bridge for pedestrians and bicycles.',
  'They reminded the council that the bridge appears on the coat of arms of the city.',
  'The head of the fire department warned that closing the bridge would add four minutes to every trip to the northern districts.',
  'Shop owners near the market fear that a long building site would drive their customers away.',
  'The council voted to ask three companies for proposals, with a limit of forty million euros.',
  'Work on a new bridge could begin next spring at the earliest and would take about two years.',
  'Until then the speed limit on the old bridge will be lowered and trucks will have to use the motorway.',
  'The next public meeting on the subject will be held in the town hall in the second week of March.',
].join(' ');

describe('plexus up', function () {
  this.timeout(90_000);
  let mesh: Mesh;
  let client: PlexusClient;

  before(async () => {
    mesh = await startMesh(['--scale', 'embed=2']);
    client = createClient(mesh.grpc);
  });

  after(async () => {
    client?.close();
    await mesh?.stop();
  });

  it('prints a table of every service with address, model@version and state', () => {
    for (const name of ['tokenize-1', 'embed-1', 'embed-2', 'classify-1', 'summarize-1']) {
      assert.match(mesh.output, new RegExp(`^${name} +127\\.0\\.0\\.1:\\d+ +\\S+@\\S+.* ready$`, 'm'));
    }
    assert.match(mesh.output, /^gateway-1 .*ready$/m);
  });

  it('starts those that have models with weights in huge pages', function () {
    if (process.platform !== 'linux') {
      console.warn('SKIPPED: NO /proc HERE TO READ THE VARIABLES OF A PROCESS FROM.');
      this.skip();
    }
    const { pid } = mesh.process;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const asks = new Map(
      children.map((child) => [
        /serve\0(\w+)/.exec(readFileSync(`/proc/${child}/cmdline`, 'utf8'))?.[1],
        /^GLIBC_TUNABLES=(.*)$/m.exec(readFileSync(`/proc/${child}/environ`, 'utf8').replaceAll('\0', '\n'))?.[1],
      ]),
    );
    // glibc cuts its own variable at the first colon while it reads it.
    const first = (tunables: string | undefined): string | undefined => tunables?.split(':')[0];
    const { GLIBC_TUNABLES } = withHugePages(process.env);
    assert.equal(first(asks.get('embed')), first(GLIBC_TUNABLES));
    assert.equal(first(asks.get('summarize')), first(GLIBC_TUNABLES));
    assert.equal(first(asks.get('gateway')), first(process.env.GLIBC_TUNABLES));
  });

  it('runs the shipped pipeline from the command line, for people and for machines', async () => {
    const shown = await plexus(['run', 'analyze', ARTICLE, '--address', mesh.grpc]);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /^step +call +outcome/m);
    assert.match(shown.stdout, /analyze@\S+: [\d.]+ ms/);
    const { stdout, code } = await plexus(
      ['run', 'analyze', '--file', '-', '--json', '--address', mesh.grpc],
      {},
      ARTICLE,
    );
    assert.equal(code, 0);
    const response = JSON.parse(stdout);
    assert.equal(response.degraded, false);
    const outcomes = Object.fromEntries(
      response.steps.map(({ name, outcome }: { name: string; outcome: string }) => [name, outcome]),
    );
    for (const outcome of Object.values(outcomes)) assert.match(String(outcome), /OK|SKIPPED/);
    assert(
      response.steps.every(
        ({ outcome, model }: { outcome: string; model: unknown }) => outcome !== 'STEP_OUTCOME_OK' || model,
      ),
    );
  });

  for (const [capability, words, expected] of [
    ['tokenize', 'hello world', /hello/],
    ['embed', 'hello world', /384 dimensions/],
    ['classify', 'a wonderful film', /POSITIVE/],
    ['summarize', ARTICLE, /bridge/],
  ] as const) {
    it(`calls ${capability} from the command line`, async () => {
      const { stdout, stderr, code } = await plexus(['call', capability, words, '--address', mesh.grpc]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, expected);
      assert.match(stdout, new RegExp(`on ${capability}-`));
    });
  }

  it('takes fields of a request by their names in the proto and in JSON', async () => {
    for (const data of ['{"texts": ["a cat"], "prompt_name": "nope"}', '{"texts": ["a cat"], "promptName": "nope"}']) {
      const { stderr, code } = await plexus(['call', 'embed', '--data', data, '--address', mesh.grpc]);
      assert.match(stderr, /prompt_name: minilm-l3-en has no prompt "nope"/);
      assert.equal(code, 1);
    }
  });

  it('says what is wrong with a command line, and exits with 2', async () => {
    const { stderr, code } = await plexus(['call', 'embedd', 'x', '--address', mesh.grpc]);
    assert.match(stderr, /error USAGE: there is no capability "embedd"/);
    assert.equal(code, 2);
  });

  it('says what is wrong with a request, and exits with 1', async () => {
    const { stderr, code } = await plexus(['call', 'embed', 'x', '--model', 'nope', '--address', mesh.grpc]);
    assert.match(stderr, /error MODEL_UNKNOWN: /);
    assert.equal(code, 1);
  });

  it('exits with 1 where no mesh listens', async () => {
    const { stderr, code } = await plexus(['call', 'embed', 'x', '--address', '127.0.0.1:1', '--timeout', '2000']);
    assert.match(stderr, /error (UPSTREAM_UNREACHABLE|DEADLINE_EXCEEDED)/);
    assert.equal(code, 1);
  });

  it('loses no call when one of two embed processes is killed with -9, and starts it again', async () => {
    const pid = await pidOf('embed-2');
    let stop = false;
    let calls = 0;
    const load = Array.from({ length: 4 }, async () => {
      while (!stop) {
        await client.embed.embed({ texts: [`call ${calls++}`] }, { timeoutMs: 20_000 });
      }
    });
    process.kill(pid, 'SIGKILL');
    await mesh.printed(/embed-2: died \(SIGKILL\), starts again/);
    await mesh.printed(/embed-2: ready \(restarted 1x\)/);
    stop = true;
    await Promise.all(load); // rejects with the first call that was lost
    assert(calls > 0);
  });

  it('keeps a deadline: an expired one is refused with its code', async () => {
    await assert.rejects(
      client.embed.embed({ texts: ['x'] }, { timeoutMs: -1 }),
      (error) => error instanceof MeshError && error.code === 'DEADLINE_EXCEEDED',
    );
  });

  it('drains on Ctrl-C, exits with 0 and leaves no process behind', async () => {
    const pids = await Promise.all(
      ['tokenize-1', 'embed-1', 'embed-2', 'classify-1', 'summarize-1', 'gateway-1'].map(pidOf),
    );
    client.close();
    assert.equal(await mesh.stop(), 0);
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  async function pidOf(instance: string): Promise<number> {
    const found = (await childrenOf(mesh)).find(({ command }) => command.endsWith(`--instance ${instance}`));
    assert(found, `no process runs as ${instance}`);
    return found.pid;
  }
});

describe('plexus up, left alone', function () {
  this.timeout(60_000);

  it('leaves nothing behind when the supervisor itself is killed with -9', async () => {
    const mesh = await startMesh();
    const pids = (await childrenOf(mesh)).map(({ pid }) => pid);
    assert.equal(pids.length, 5);
    mesh.process.kill('SIGKILL');
    await mesh.stop();
    for (const pid of pids) await gone(pid);
  });
});

/** The processes that the supervisor started. */
async function childrenOf(mesh: Mesh): Promise<{ pid: number; command: string }[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,command=']);
  return stdout
    .split('\n')
    .map((line) => /^ *(\d+) +(\d+) (.*)$/.exec(line))
    .filter((match) => match?.[2] === String(mesh.process.pid) && !match[3]?.startsWith('ps '))
    .map((match) => ({ pid: Number(match?.[1]), command: match?.[3] ?? '' }));
}

/** Resolves when the process is gone; the test's own timeout bounds the wait. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
