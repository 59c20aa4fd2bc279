/** plexus tune as a user types it: a short real run, the file it writes, and a real service that reads it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import type { Io } from '../../../cli/io.js';
import type { Candidate } from '../../../cli/tune/candidate.js';
import type { CurveStep } from '../../../cli/tune/measure-process.js';
import { registerTune, type TuneDeps } from '../../../cli/tune/tune.js';
import { createClient } from '../../../client/index.js';
import { readTuning, type TunedModel, usableCores } from '../../../inference/index.js';
import { reckonBytes } from '../../../inference/memory.js';
import { packageRoot } from '../../../protos/index.js';
import { plexus } from '../../kit/cli.js';
import { createVirtualClock } from '../../kit/clock.js';
import { embedderFiles, temporaryFolders, writeFiles } from '../../kit/model-folder.js';
import { until } from '../../kit/until.js';

/** The command in this process, against candidates of known speed: `rate` is what each bears within the target. */
async function type(
  env: Record<string, string>,
  args: readonly string[],
  rate: (candidate: Candidate) => number = () => 100,
): Promise<{ out: string; err: string; error: Error | undefined }> {
  const clock = createVirtualClock();
  let [out, err] = ['', ''];
  const io: Io = {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    isTTY: false,
    env,
  };
  const step = (perSecond: number): CurveStep => ({
    ...{ offeredPerSecond: perSecond, requestsPerSecond: perSecond, p50Ms: 2, p99Ms: 9 },
    ...{ failed: 0, overloaded: false, gapMs: 1 },
  });
  const createEvaluator: TuneDeps['createEvaluator'] = () => ({
    async sustained(candidate, seconds) {
      await clock.advance(seconds * 1_000 + 700);
      const requestsPerSecond = rate(candidate);
      const sustained = { requestsPerSecond, p99Ms: requestsPerSecond > 0 ? 9 : 77, steps: [step(requestsPerSecond)] };
      return { kind: 'sustained', sustained, capacityPerSecond: requestsPerSecond * 2, rssBytes: 1e8 };
    },
    async curve(_candidate, perSecond, secondsEach) {
      await clock.advance(perSecond.length * secondsEach * 1_000 + 700);
      return { kind: 'curve', steps: perSecond.map(step), rssBytes: 1e8 };
    },
  });
  const program = new Command('plexus').exitOverride();
  registerTune(program, io, { clock, createEvaluator });
  const error = await program.parseAsync(['tune', ...args], { from: 'user' }).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  return { out, err, error };
}

describe('plexus tune', () => {
  const temporary = temporaryFolders();
  const withTwoWeights = (cache: string): Record<string, string> => {
    writeFiles(join(cache, 'models', 'two'), { ...embedderFiles, 'onnx/model.onnx': 'weights of 32 bits' });
    return { PLEXUS_CACHE: cache };
  };

  for (const [name, args, message] of [
    ['a model there is none of', ['nothing'], /no model is called "nothing"/],
    [
      'a model without weights',
      ['wordpiece-en'],
      /tune takes models that embed or classify; wordpiece-en@1 .*tokenize/,
    ],
    ['a model that summarizes', ['extractive-en'], /tune its embedder, minilm-l3-en@1/],
    ['a target that is no time', ['static-en', '--latency-p99', 'fast'], /--latency-p99 takes a time from 1ms to 600s/],
    ['no time', ['static-en', '--minutes', '0'], /--minutes takes a number from 0.05 to 600, not 0/],
    ['half a text', ['static-en', '--texts', '1.5'], /--texts takes a whole number from 1 to 1024/],
    [
      'lengths that contradict',
      ['static-en', '--length-p95', '3'],
      /--length-p95 \(3\) must not be below --length-median/,
    ],
    ['an unknown precision', ['static-en', '--precision', 'int3'], /--precision takes "all" or some of/],
    ['weights that are not there', ['minilm-l3-en', '--precision', 'q4'], /minilm-l3-en@1 has no q4 weights; it has /],
    ['traffic that cannot be read', ['static-en', '--traffic', '/no/file'], /--traffic: \/no\/file cannot be read/],
  ] as const) {
    it(`refuses ${name}`, async () => {
      const { error } = await type({ PLEXUS_CACHE: temporary() }, args);
      assert.match(error?.message ?? '', message);
    });
  }

  it('refuses to measure for a file that is switched off', async () => {
    const { error } = await type({ PLEXUS_CACHE: temporary(), PLEXUS_TUNING: 'off' }, ['static-en']);
    assert.match(error?.message ?? '', /PLEXUS_TUNING is off/);
  });

  it('writes the best that it found, beside the entries of other models, and says how much it brings', async () => {
    const cache = temporary();
    const env = { PLEXUS_CACHE: cache };
    const best = ({ batchTokensMax, windowMax }: Candidate): number =>
      100 + (batchTokensMax === 512 ? 40 : 0) + (windowMax === 32 ? 10 : 0);
    await type(env, ['static-en', '--minutes', '20']);
    const { out, error } = await type(env, ['minilm-l3-en', '--minutes', '20'], best);
    assert.equal(error, undefined);
    const tuning = await readTuning(join(cache, 'tuning.json'));
    assert.deepEqual(Object.keys(tuning), ['static-en@1', 'minilm-l3-en@1']);
    const { batchTokensMax, windowMax, measured } = tuning['minilm-l3-en@1'] as TunedModel;
    assert.deepEqual([batchTokensMax, windowMax, measured.requestsPerSecond], [512, 32, 150]);
    assert.match(out, /^now +\S+ +\S+ +256 +256 /m);
    assert.match(out, /^chosen +\S+ +\S+ +512 +32 /m);
    assert.match(out, /1\.50 x what it carries now\./);
    assert.match(out, /Frontier/);
    assert.match(out, /target 50 ms/);
    // What it wrote is what it starts from the next time.
    const again = await type(env, ['minilm-l3-en', '--minutes', '20'], best);
    assert.match(again.out, /^chosen \(as now\) +\S+ +\S+ +512 +32 /m);
  });

  it('keeps what is there where nothing is better by more than noise', async () => {
    const cache = temporary();
    const { out } = await type({ PLEXUS_CACHE: cache }, ['static-en', '--minutes', '20'], ({ windowMax }) =>
      windowMax === 32 ? 102 : 100,
    );
    assert.match(out, /Nothing that was tried is better/);
  });

  it('looks at other weights only where it is told to, and writes which', async () => {
    const cache = temporary();
    const env = withTwoWeights(cache);
    const rate = ({ precision }: Candidate): number => (precision === 'fp32' ? 300 : 100);
    const own = await type(env, ['two', '--minutes', '20'], rate);
    assert.match(own.out, /It also has fp32 weights; --precision all looks at them, too\./);
    assert.equal((await readTuning(join(cache, 'tuning.json')))['two@1']?.precision, undefined);
    const all = await type(env, ['two', '--minutes', '20', '--precision', 'all'], rate);
    assert.equal(all.error, undefined);
    assert.equal((await readTuning(join(cache, 'tuning.json')))['two@1']?.precision, 'fp32');
  });

  it('writes nothing on a dry run', async () => {
    const cache = temporary();
    const { out, error } = await type({ PLEXUS_CACHE: cache }, ['static-en', '--minutes', '20', '--dry-run']);
    assert.equal(error, undefined);
    assert.match(out, /Nothing was written\./);
    assert.equal(existsSync(join(cache, 'tuning.json')), false);
  });

  it('says what it did not look at where the time was short', async () => {
    const { out } = await type({ PLEXUS_CACHE: temporary() }, ['static-en', '--minutes', '0.3']);
    assert.match(out, /Not looked at for want of time: .*window; give more --minutes/);
  });

  it('fails, and writes nothing, where no candidate keeps the target', async () => {
    const cache = temporary();
    const { error } = await type({ PLEXUS_CACHE: cache }, ['static-en', '--latency-p99', '5ms'], () => 0);
    assert.match(error?.message ?? '', /no way to run static-en@1 here keeps p99 within 5 ms.*lowest seen is 77/);
    assert.equal(existsSync(join(cache, 'tuning.json')), false);
  });

  it('measures a real model on recorded traffic, and writes a file that a service runs by', async function () {
    this.timeout(120_000);
    const cache = temporary();
    const [traffic, svg] = [join(cache, 'traffic.jsonl'), join(cache, 'plot.svg')];
    const lines = Array.from({ length: 50 }, (_, index) => ({
      at: index * 7,
      model: 'static-en@1',
      tokens: [5 + index],
    }));
    writeFileSync(traffic, lines.map((line) => JSON.stringify(line)).join('\n'));
    const { stdout, stderr, code } = await plexus(
      ['tune', 'static-en', '--traffic', traffic, '--minutes', '0.05', '--latency-p99', '5s', '--plot', svg, '--json'],
      { PLEXUS_CACHE: cache },
    );
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout);
    assert.equal(report.model, 'static-en@1');
    assert.ok(report.chosen.requestsPerSecond > 0);
    assert.equal(report.curve.length, 6);
    assert.match(report.traffic, /recorded: 50 requests/);
    assert.match(readFileSync(svg, 'utf8'), /^<svg .*static-en@1/s);
    const file = join(cache, 'tuning.json');
    assert.equal(report.written, file);
    const { models } = JSON.parse(readFileSync(file, 'utf8'));
    const { workers, threads, batchTokensMax, windowMax } = report.chosen.candidate;
    const { measured, ...entry } = models['static-en@1'];
    assert.deepEqual(entry, { workers, threads, batchTokensMax, windowMax });
    assert.equal(measured.cores, usableCores());

    // What a service makes of it: the memory of as many workers as the file says.
    models['static-en@1'].workers = 3;
    writeFileSync(file, JSON.stringify({ models }));
    assert.deepEqual(await serve(cache, file), { memoryBytes: memoryOf(3), tuned: ['static-en@1'] });
    assert.deepEqual(await serve(cache, 'off'), { memoryBytes: memoryOf(usableCores()), tuned: undefined });
  });
});

/** Starts an embed service with this tuning file; the memory of its model, and the models it says are tuned. */
async function serve(cache: string, tuning: string): Promise<{ memoryBytes: number; tuned: string[] | undefined }> {
  const child = spawn(process.execPath, [join(packageRoot, 'bin', 'plexus.js'), 'serve', 'embed'], {
    env: {
      ...process.env,
      PLEXUS_MODEL_EMBED: 'static-en',
      PLEXUS_ADDRESS: '127.0.0.1:0',
      PLEXUS_REGISTRY: 'static',
      PLEXUS_INSTANCES: 'embed=127.0.0.1:1',
      PLEXUS_LOG: 'info',
      PLEXUS_TUNING: tuning,
      PLEXUS_CACHE: cache,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: Record<string, unknown>[] = [];
  createInterface(child.stderr).on('line', (line) => said.push(JSON.parse(line)));
  try {
    const ready = await until('a service', () => said.find(({ msg }) => msg === 'ready'));
    const client = createClient(`127.0.0.1:${ready?.port}`);
    const { stats } = await client.models.stats({ model: 'static-en' });
    client.close();
    return {
      memoryBytes: stats[0]?.memoryBytes as number,
      tuned: said.find(({ msg }) => msg === 'tuned')?.models as string[] | undefined,
    };
  } finally {
    child.kill();
    await once(child, 'exit');
  }
}

/** Of static-en with so many workers. */
function memoryOf(workers: number): number {
  const file = join(packageRoot, 'models', 'store', 'static-en', '1', 'manifest.json');
  const { files } = JSON.parse(readFileSync(file, 'utf8')) as { files: { path: string; bytes: number }[] };
  return reckonBytes(files.find(({ path }) => path.endsWith('.onnx'))?.bytes as number, workers, 'mapped');
}
