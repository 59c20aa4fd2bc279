/** A generator with its worker threads: streams, limits, those who leave, workers that die, folders that cannot be run. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '../../../chassis/errors.js';
import type { GeneratorModel } from '../../../inference/generate/index.js';
import { addInput, readModel, writeModel } from '../../../inference/generate/onnx-graph.js';
import { createVirtualClock } from '../../kit/clock.js';
import { temporaryFolders, withCode } from '../../kit/model-folder.js';
import { sharedOrSkip } from '../../kit/shared.js';
import { fixtureFolder, open, openFixture, stored, unhurried } from './models.js';

const INPUT = [21, 75, 81, 56, 9, 14, 34, 43, 60, 1];
const LONG = { maxNewTokens: 1_500, minNewTokens: 1_500 };

describe('a generator', () => {
  let model: GeneratorModel;
  before(async () => {
    model = await openFixture('t5');
    await model.warmUp(new AbortController().signal);
  });
  after(() => model.close());

  it('streams the tokens of its result, each once and in order', async () => {
    const streamed: number[] = [];
    let ids: number[] | undefined;
    for await (const event of model.stream(INPUT, { maxNewTokens: 20 }, unhurried())) {
      if (event.at === 'token') streamed.push(event.id);
      else ids = event.results[0]?.ids;
    }
    assert.equal(streamed.length, 20);
    assert.deepEqual(streamed, ids);
  });

  it('samples the same for a seed, whoever decodes beside it', async () => {
    const given = { maxNewTokens: 20, doSample: true, seed: 42, numReturnSequences: 2 };
    const alone = await model.generate(INPUT, given, unhurried());
    const [beside] = await Promise.all([
      model.generate(INPUT, given, unhurried()),
      ...[1, 2, 3].map((seed) => model.generate([7, 8, 9, seed], { ...given, seed }, unhurried())),
    ]);
    assert.deepEqual(
      beside.results.map(({ ids }) => ids),
      alone.results.map(({ ids }) => ids),
    );
    assert.notDeepEqual(alone.results[0]?.ids, alone.results[1]?.ids);
  });

  it('ends a generation whose caller leaves, with the reason of the signal, and goes on with others', async () => {
    const caller = new AbortController();
    const generating = model.generate(INPUT, LONG, { ...unhurried(), signal: caller.signal });
    caller.abort(new MeshError('CANCELLED', 'gone'));
    await assert.rejects(generating, withCode('CANCELLED', /gone/));
    const startedMs = performance.now();
    await model.generate(INPUT, { maxNewTokens: 4 }, unhurried());
    assert.ok(performance.now() - startedMs < 10_000);
  });

  it('ends a generation whose reader leaves the loop', async () => {
    const before = model.stats().dropped;
    for await (const event of model.stream(INPUT, LONG, unhurried())) {
      assert.equal(event.at, 'token');
      break;
    }
    assert.equal(model.stats().dropped, before + 1);
  });

  it('ends a generation at its deadline', async () => {
    const clock = createVirtualClock();
    const timed = await open(stored('t5', fixtureFolder('t5')), {}, { clock });
    try {
      const generating = timed.generate(INPUT, LONG, { ...unhurried(), deadlineMs: clock.now() + 500 });
      const settled = assert.rejects(generating, withCode('DEADLINE_EXCEEDED'));
      await clock.advance(501);
      await settled;
    } finally {
      await timed.close();
    }
  });

  it('refuses who comes with an aborted signal, too much, or nothing', async () => {
    const signal = AbortSignal.abort(new MeshError('CANCELLED', 'before'));
    await assert.rejects(model.generate(INPUT, {}, { ...unhurried(), signal }), withCode('CANCELLED'));
    await assert.rejects(model.generate(new Array(65).fill(7), {}, unhurried()), withCode('TEXT_TOO_LONG', /takes 64/));
    await assert.rejects(model.generate([], {}, unhurried()), withCode('FIELD_REQUIRED'));
    await assert.rejects(
      model.generate(INPUT, { numBeams: 99 }, unhurried()),
      withCode('FIELD_INVALID', /generation.num_beams/),
    );
    await assert.rejects(
      model.generate(INPUT, { numBeams: 40 }, unhurried()),
      withCode('OPTION_UNSUPPORTED', /40 rows/),
    );
  });

  it('refuses more than may wait with QUEUE_FULL and when to come back', async () => {
    const small = await openFixture('t5', { waitingMax: 2 });
    const leave = new AbortController();
    try {
      const running = [1, 2].map(() => small.generate(INPUT, LONG, { ...unhurried(), signal: leave.signal }));
      const refused = assert.rejects(
        small.generate(INPUT, {}, unhurried()),
        (error: MeshError) => error.code === 'QUEUE_FULL' && error.retryAfterMs === 1_000,
      );
      await refused;
      leave.abort();
      await Promise.allSettled(running);
    } finally {
      await small.close();
    }
  });

  it('lets the less critical give way where it is full, and counts who was shed', async () => {
    const small = await openFixture('t5', { waitingMax: 1 });
    try {
      const given = { ...unhurried(), tenant: 'one' };
      const shed = assert.rejects(
        small.generate(INPUT, LONG, { ...given, criticality: 'sheddable' }),
        withCode('QUEUE_FULL', /retry in 1 s/),
      );
      const { results } = await small.generate(INPUT, { maxNewTokens: 4 }, { ...given, criticality: 'critical' });
      assert.equal(results[0]?.ids.length, 4);
      await shed;
      const { tenants, criticalities } = small.stats();
      assert.deepEqual(
        tenants.map(({ name, requests, shed: count }) => [name, requests, count]),
        [['one', 2, 1]],
      );
      assert.equal(criticalities.find(({ name }) => name === 'sheddable')?.shed, 1);
    } finally {
      await small.close();
    }
  });

  it('counts what it has done', async () => {
    const before = model.stats();
    await model.generate(INPUT, { maxNewTokens: 6 }, unhurried());
    const after = model.stats();
    assert.equal(after.requests - before.requests, 1);
    assert.equal(after.tokens - before.tokens, INPUT.length);
    assert.equal(after.generatedTokens - before.generatedTokens, 6);
  });

  it('stops a loop where asked to, keeps the run once and says so', async () => {
    const { results } = await model.generate(
      [76, 13, 21, 26, 1],
      { maxNewTokens: 60, repetitionGuard: true },
      unhurried(),
    );
    assert.equal(results[0]?.finish, 'repetition');
    assert.ok((results[0]?.ids.length ?? 99) < 24, `${results[0]?.ids.length} tokens`);
  });
});

describe('a generator whose folder asks for stop strings', () => {
  const temporary = temporaryFolders();

  it('ends at one where the request names none, and only then', async () => {
    const folder = temporary();
    cpSync(fixtureFolder('t5'), folder, { recursive: true });
    const plain = await openFixture('t5');
    const { results } = await plain.generate(INPUT, { maxNewTokens: 8 }, unhurried());
    await plain.close();
    const ids = results[0]?.ids as number[];
    const file = join(folder, 'generation_config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...config, stop_strings: `w${ids[2]}` }));
    const model = await open(stored('stopping', folder));
    try {
      const [own, other] = await Promise.all([
        model.generate(INPUT, { maxNewTokens: 8 }, unhurried()),
        model.generate(INPUT, { maxNewTokens: 8, stop: ['nowhere'] }, unhurried()),
      ]);
      assert.equal(own.results[0]?.finish, 'stop');
      assert.ok((own.results[0]?.ids.length ?? 9) <= 3);
      assert.deepEqual(other.results[0]?.ids, ids);
    } finally {
      await model.close();
    }
  });
});

describe('a generator whose worker dies', () => {
  it('fails what was under way as WORKER_LOST, replaces the worker and goes on', async () => {
    const script = new URL('./dying-worker.js', import.meta.url);
    const model = await open(stored('t5', fixtureFolder('t5')), {}, { script });
    try {
      await assert.rejects(model.generate([13, 13, 13], {}, unhurried()), withCode('WORKER_LOST'));
      for (;;) {
        try {
          const { results } = await model.generate(INPUT, { maxNewTokens: 3 }, unhurried());
          assert.equal(results[0]?.ids.length, 3);
          return;
        } catch (error) {
          assert.equal((error as MeshError).code, 'WORKER_LOST');
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    } finally {
      await model.close();
    }
  });
});

describe('a folder that cannot generate', () => {
  const folder = temporaryFolders();
  const copy = (change: (path: string) => void, fixture = 't5'): ReturnType<typeof stored> => {
    const path = folder();
    cpSync(fixtureFolder(fixture), path, { recursive: true });
    change(path);
    return stored('odd', path);
  };
  const edit = (path: string, file: string, change: object): void => {
    const json = JSON.parse(readFileSync(join(path, file), 'utf8')) as object;
    writeFileSync(join(path, file), JSON.stringify({ ...json, ...change }));
  };
  const addState = (path: string): void => {
    const file = join(path, 'onnx/model.onnx');
    const graph = readModel(readFileSync(file));
    addInput(graph.graph, 'past_key_values.0.conv', 'float32', ['batch_size', 2, 4]);
    writeFileSync(file, writeModel(graph));
  };
  const CASES: [string, (path: string) => void, RegExp, fixture?: string][] = [
    ['no config.json', (path) => rmSync(join(path, 'config.json')), /no config.json/],
    ['no encoder', (path) => rmSync(join(path, 'onnx/encoder_model.onnx')), /no onnx\/encoder_model.onnx/],
    ['no decoder', (path) => rmSync(join(path, 'onnx/decoder_model.onnx')), /none of onnx\/decoder_model_merged.onnx/],
    [
      'an encoder in the place of the decoder',
      (path) => cpSync(join(path, 'onnx/encoder_model.onnx'), join(path, 'onnx/decoder_model.onnx')),
      /reads an input "attention_mask"/,
    ],
    [
      'a broken graph',
      (path) => writeFileSync(join(path, 'onnx/encoder_model.onnx'), 'no graph'),
      /onnxruntime cannot open/,
    ],
    [
      'a decoding it does not know',
      (path) => edit(path, 'generation_config.json', { penalty_alpha: 0.6 }),
      /penalty_alpha is not supported/,
    ],
    [
      'an end token that is none',
      (path) => edit(path, 'generation_config.json', { eos_token_id: 'x' }),
      /eos_token_id/,
    ],
    [
      'a past that is neither keys nor values',
      addState,
      /reads an input "past_key_values.0.conv" that is not known/,
      'llama',
    ],
    ...(
      [
        ['encoder_repetition_penalty', 1.5],
        ['exponential_decay_length_penalty', [5, 1.1]],
        ['epsilon_cutoff', 3e-4],
        ['eta_cutoff', 3e-4],
        ['diversity_penalty', 0.5],
        ['force_words_ids', [[4]]],
        ['renormalize_logits', 'yes'],
        ['stop_strings', [7]],
        ['stop_strings', ['']],
      ] as const
    ).map(([name, value]): [string, (path: string) => void, RegExp] => [
      `${name} of ${JSON.stringify(value)}`,
      (path) => edit(path, 'generation_config.json', { [name]: value }),
      new RegExp(`generation_config.json: ${name} `),
    ]),
  ];
  for (const [what, change, says, fixture] of CASES) {
    it(`is refused with the reason: ${what}`, async () => {
      const model = copy(change, fixture);
      // Time stands still: its thread must end by itself, not because closing stopped waiting for it.
      await assert.rejects(open(model, {}, { clock: createVirtualClock() }), (error: MeshError) => {
        assert.ok(!error.message.includes(model.folder), 'a path leaked');
        return withCode('MODEL_UNSUPPORTED', says)(error);
      });
    });
  }

  it('decodes the same without a decoder with past, reading everything again each step', async () => {
    const model = copy((path) => rmSync(join(path, 'onnx/decoder_with_past_model.onnx')));
    const [plain, whole] = await Promise.all([open(model), openFixture('t5')]);
    try {
      assert.match(plain.description, /no cache/);
      const given = { maxNewTokens: 12, numBeams: 3 };
      const [a, b] = await Promise.all([
        plain.generate(INPUT, given, unhurried()),
        whole.generate(INPUT, given, unhurried()),
      ]);
      assert.deepEqual(a.results[0]?.ids, b.results[0]?.ids);
    } finally {
      await Promise.all([plain.close(), whole.close()]);
    }
  });
});

describe('g2p-en-gru', () => {
  it('spells words as the published algorithm does, many at a time', async function () {
    const folder = sharedOrSkip(this, 'models/g2p-en-gru');
    const model = await open(stored('g2p-en-gru', folder));
    try {
      const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, string[]>;
      const vocabulary = JSON.parse(readFileSync(join(folder, 'decoder_vocab.json'), 'utf8')) as
        | Record<string, number>
        | string[];
      const symbols = new Map(
        Object.entries(vocabulary).map(([key, value]) =>
          typeof value === 'number' ? [value, key] : [Number(key), value],
        ),
      );
      const found = await Promise.all(
        Object.keys(expected).map(async (word) => {
          const { results } = await model.generate(model.tokenizer.encodeIds(word), {}, unhurried());
          return results[0]?.ids.slice(0, -1).map((id) => symbols.get(id));
        }),
      );
      assert.deepEqual(found, Object.values(expected));
    } finally {
      await model.close();
    }
  });
});
