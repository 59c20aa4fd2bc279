/** The scheduler on a graph of arithmetic: who decodes with whom, who waits, who leaves, and that nobody sees a neighbour. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CRITICALITIES } from '../../../chassis/caller.js';
import {
  createEngine,
  type Engine,
  type EngineEvent,
  type EngineLimits,
  type Job,
} from '../../../inference/generate/engine.js';
import { type GenerationParameters, type Resolved, resolveParameters } from '../../../inference/generate/parameters.js';
import { type ArithmeticGraph, createArithmetic, VOCAB } from './arithmetic.js';
import { modelOf } from './models.js';

const LIMITS: EngineLimits = {
  rowsMax: 8,
  cacheBytesMax: 2 ** 20,
  promptTokensMax: 64,
  paddingMax: 1_000,
  sliceSteps: 1_000,
  tenantsMax: 8,
  tenantShares: new Map(),
};
const START = 0;
const EOS = 1;

function resolve(given: GenerationParameters): Resolved {
  const model = modelOf(VOCAB, { decoderStartTokenId: START, eosTokenIds: [EOS] });
  return resolveParameters(given, model, 1, 2_000, () => 5);
}

interface Bench {
  graph: ArithmeticGraph;
  engine: Engine;
  events: EngineEvent[];
  submit(job: Partial<Job> & { id: number; parameters?: GenerationParameters }): void;
  /** Runs until the event comes. */
  until(at: EngineEvent['at'], id: number): Promise<void>;
  results(id: number): number[][];
}

function bench(limits: Partial<EngineLimits> = {}, graph = createArithmetic()): Bench {
  const events: EngineEvent[] = [];
  let wake = (): void => {};
  const engine = createEngine({
    graph,
    startId: START,
    limits: { ...LIMITS, ...limits },
    emit(said) {
      events.push(...said);
      wake();
    },
    nowMs: () => 0,
  });
  return {
    graph,
    engine,
    events,
    submit({ parameters = { maxNewTokens: 6 }, ...job }) {
      engine.submit({
        caller: job.id,
        tenant: 'one',
        criticality: 'default',
        input: [job.id % 20, 3],
        given: resolve(parameters),
        stream: true,
        ...job,
      });
    },
    async until(at, id) {
      while (!events.some((event) => event.at === at && event.id === id)) {
        await new Promise<void>((resolvePromise) => {
          wake = resolvePromise;
        });
      }
    },
    results(id) {
      const event = events.find((each) => each.at === 'done' && each.id === id);
      assert.ok(event?.at === 'done', `job ${id} is not done`);
      return event.results.map(({ ids }) => ids);
    },
  };
}

/** A prompt of so many tokens. */
const prompt = (tokens: number): number[] => Array.from({ length: tokens }, (_, at) => 2 + (at % 20));

/** No end token and so a known length. */
const long = (tokens: number): GenerationParameters => ({ maxNewTokens: tokens, minNewTokens: tokens });

describe('the engine', () => {
  it('lets callers who come together share every step', async () => {
    const { graph, engine, submit } = bench();
    for (let id = 1; id <= 4; id++) submit({ id, parameters: long(10) });
    await engine.idle();
    assert.deepEqual(graph.readings, [4]);
    assert.deepEqual(graph.steps, new Array(9).fill(4)); // the first token comes from the reading
  });

  for (const sharing of ['any age', 'in parts', 'in places'] as const) {
    for (const tokens of [2, 128]) {
      it(`gives a job of ${tokens} tokens its first within 3 steps behind one that writes 512 (${sharing})`, async () => {
        const { graph, engine, events, submit, until } = bench({}, createArithmetic(sharing));
        submit({ id: 1, parameters: long(512) });
        await until('token', 1);
        const before = graph.steps.length;
        submit({ id: 2, input: prompt(tokens), parameters: long(4) });
        await until('token', 2);
        assert.ok(graph.steps.length - before <= 3, `${graph.steps.length - before} steps`);
        await until('done', 2);
        assert.ok(!events.some((event) => event.at === 'done' && event.id === 1));
        await engine.idle();
        assert.equal(graph.steps.length, sharing === 'in places' ? 512 : 511);
      });
    }
  }

  it('gives it its first within 8 steps behind more than wait for it', async () => {
    const { graph, engine, submit, until } = bench({}, createArithmetic('in places'));
    for (let id = 1; id <= 6; id++) submit({ id, parameters: long(60) });
    await until('token', 6);
    const before = graph.steps.length;
    submit({ id: 7, input: prompt(128), parameters: long(4) });
    await until('token', 7);
    assert.ok(graph.steps.length - before <= 8, `${graph.steps.length - before} steps`);
    await engine.idle();
  });

  it('reads a short prompt apart from long ones, and few at a time while others decode', async () => {
    const { graph, engine, submit, until } = bench({ promptTokensMax: 1_024 }, createArithmetic('in places'));
    submit({ id: 1, parameters: long(200) });
    await until('token', 1);
    submit({ id: 2, input: prompt(40), parameters: long(2) });
    submit({ id: 3, input: prompt(300), parameters: long(2) });
    for (let id = 4; id <= 7; id++) submit({ id, input: prompt(40), parameters: long(2) });
    await until('done', 7);
    await engine.idle();
    // 3 x 40 tokens are within 128, 4 x 40 are not.
    assert.deepEqual(graph.readings, [1, 3, 1, 2]);
  });

  it('reads a long prompt in parts, a step of the others between two, and a short one between them too', async () => {
    const { graph, engine, submit, until } = bench({}, createArithmetic('in parts'));
    submit({ id: 1, parameters: long(200) });
    await until('token', 1);
    const before = graph.steps.length;
    submit({ id: 2, input: prompt(640), parameters: long(2) });
    await new Promise((resolve) => setImmediate(resolve));
    submit({ id: 3, parameters: long(2) });
    await until('token', 3);
    assert.ok(graph.steps.length - before <= 4, `${graph.steps.length - before} steps`);
    await until('token', 2);
    const taken = graph.steps.length - before;
    assert.ok(taken >= 9 && taken <= 11, `${taken} steps beside 10 parts`);
    await engine.idle();
  });

  it('reads no more of a prompt whose caller has left', async () => {
    const { graph, engine, events, submit, until } = bench({}, createArithmetic('in parts'));
    submit({ id: 1, parameters: long(60) });
    await until('token', 1);
    submit({ id: 2, input: prompt(640), parameters: long(3) });
    while (graph.parts < 3) await new Promise((resolve) => setImmediate(resolve));
    engine.cancel(2);
    submit({ id: 3, input: prompt(200), parameters: long(3) });
    await engine.idle();
    assert.ok(graph.parts <= 4 + 3, `${graph.parts} parts`);
    assert.ok(!events.some(({ id }) => id === 2));
    assert.ok(events.some(({ at, id }) => at === 'done' && id === 3));
    assert.deepEqual([engine.stats().reservedBytes, engine.stats().waiting], [0, 0]);
  });

  it('reads a prompt to its end when those it was read beside have left', async () => {
    const { engine, events, submit, until } = bench({}, createArithmetic('in parts'));
    submit({ id: 1, parameters: long(200) });
    await until('token', 1);
    submit({ id: 2, input: prompt(640), parameters: long(3) });
    await new Promise((resolve) => setImmediate(resolve));
    engine.cancel(1);
    await engine.idle();
    assert.ok(events.some((event) => event.at === 'done' && event.id === 2));
  });

  it('lets those who decode go on while a prompt is read apart, and waits for a long one no longer than said', async () => {
    const { graph, engine, submit, until } = bench({}, createArithmetic('in places'));
    submit({ id: 1, parameters: long(200) });
    await until('token', 1);
    const before = graph.steps.length;
    submit({ id: 2, input: prompt(640), parameters: long(2) });
    await until('token', 2);
    const taken = graph.steps.length - before;
    assert.ok(taken > 3 && taken <= 29, `${taken} steps`);
    await engine.idle();
  });

  it('never seats a job that was cancelled while its prompt was read', async () => {
    const { engine, events, submit, until } = bench({}, createArithmetic('in places'));
    submit({ id: 1, parameters: long(60) });
    await until('token', 1);
    submit({ id: 2, parameters: long(5) });
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    engine.cancel(2);
    await engine.idle();
    assert.ok(!events.some(({ id }) => id === 2));
    assert.deepEqual([engine.stats().reservedBytes, engine.stats().liveRows], [0, 0]);
  });

  it('keeps rows empty for who is soon to come, instead of moving the others together and apart again', async () => {
    const { graph, engine, submit, until } = bench();
    for (let id = 1; id <= 4; id++) submit({ id, parameters: long(id <= 2 ? 40 : 5) });
    await until('done', 4);
    const before = graph.steps.length;
    submit({ id: 5, parameters: long(10) });
    submit({ id: 6, parameters: long(10) });
    await until('done', 6);
    assert.deepEqual(new Set(graph.steps.slice(before)), new Set([4]));
    await engine.idle();
  });

  it('gives rows that were left to newcomers and moves the rest together when the empty ones have cost as much', async () => {
    const { graph, engine, submit, until } = bench();
    for (let id = 1; id <= 4; id++) submit({ id, parameters: long(id === 1 ? 40 : 5) });
    await until('done', 2);
    submit({ id: 5, parameters: long(10) });
    await engine.idle();
    assert.ok(Math.max(...graph.steps) === 4);
    assert.equal(graph.steps.at(-1), 1, 'the last one decodes alone, not beside three empty rows');
  });

  for (const sharing of ['any age', 'in places'] as const) {
    it(`keeps empty rows as copies of others where one scale is shared by all (${sharing})`, async () => {
      const graph = createArithmetic(sharing);
      graph.oneScale = true;
      const { engine, submit, results } = bench({}, graph);
      const parameters = (id: number): GenerationParameters =>
        id === 4 ? { numBeams: 3, ...long(25) } : long(id === 1 ? 6 : id === 2 ? 14 : 30);
      for (let id = 1; id <= 6; id++) submit({ id, parameters: parameters(id) });
      await engine.idle();
      const ghosts = graph.steps.filter((rows, step) => rows > (graph.distinct[step] as number)).length;
      assert.ok(ghosts >= 8, 'rows stood empty');
      // Eight rows with one empty are seven that differ; beams may be alike only before they have parted.
      const seen = graph.distinct.slice(7, 12);
      assert.deepEqual(seen, [7, 7, 7, 7, 7]);
      for (let id = 1; id <= 6; id++) {
        const alone = bench();
        alone.submit({ id, parameters: parameters(id) });
        await alone.engine.idle();
        assert.deepEqual(results(id), alone.results(id));
      }
    });
  }

  it('takes callers in turn: one with one text does not wait for one with twenty', async () => {
    const { engine, events, submit } = bench({ rowsMax: 2 });
    for (let id = 1; id <= 20; id++) submit({ id, caller: 100, parameters: long(4) });
    submit({ id: 21, caller: 200, parameters: long(4) });
    await engine.idle();
    const order = events.filter(({ at }) => at === 'done').map(({ id }) => id);
    assert.ok(order.indexOf(21) <= 3, `it came ${order.indexOf(21) + 1}th`);
  });

  it('takes tenants in turn: one with one call does not wait for one with twenty', async () => {
    const { engine, events, submit } = bench({ rowsMax: 2 });
    for (let id = 1; id <= 20; id++) submit({ id, tenant: 'many', parameters: long(4) });
    submit({ id: 21, tenant: 'few', parameters: long(4) });
    await engine.idle();
    const order = events.filter(({ at }) => at === 'done').map(({ id }) => id);
    assert.ok(order.indexOf(21) <= 3, `it came ${order.indexOf(21) + 1}th`);
  });

  it('gives tenants the rows of their shares', async () => {
    const shares = new Map([['large', 3]]);
    const { engine, events, submit } = bench({ rowsMax: 1, tenantShares: shares });
    for (let id = 1; id <= 20; id++) submit({ id, tenant: id % 2 ? 'large' : 'small', parameters: long(4) });
    await engine.idle();
    const first = events.filter(({ at }) => at === 'done').slice(0, 8);
    assert.equal(first.filter(({ id }) => id % 2).length, 6);
  });

  it('lets the critical calls of a tenant go first', async () => {
    const { engine, events, submit } = bench({ rowsMax: 1 });
    const order = ['sheddable', 'default', 'critical'] as const;
    for (const [index, criticality] of order.entries()) submit({ id: index + 1, criticality, parameters: long(3) });
    await engine.idle();
    assert.deepEqual(
      events.filter(({ at }) => at === 'done').map(({ id }) => id),
      [3, 2, 1],
    );
  });

  it('sets aside who has had its slice when others wait, and goes on with it as if nothing had been', async () => {
    const alone = bench();
    alone.submit({ id: 7, parameters: long(60) });
    await alone.engine.idle();
    const { graph, engine, submit, until, results } = bench({ rowsMax: 1, sliceSteps: 10 });
    submit({ id: 7, parameters: long(60) });
    await until('token', 7);
    submit({ id: 8, parameters: long(5) });
    await until('done', 8);
    assert.ok(graph.steps.length < 25, `${graph.steps.length} steps`);
    await engine.idle();
    assert.deepEqual(results(7), alone.results(7));
  });

  for (const sharing of ['any age', 'in places'] as const) {
    it(`sets aside who has had its slice when others wait for cache, which it keeps no more of than it holds (${sharing})`, async () => {
      const alone = [1, 2, 3].map((id) => {
        const made = bench({}, createArithmetic(sharing));
        made.submit({ id, parameters: long(600) });
        return made;
      });
      await Promise.all(alone.map(({ engine }) => engine.idle()));
      // Two of these fit, of 600 tokens and half of that as room behind them.
      const cacheBytesMax = 2 * 8 * (sharing === 'in places' ? 1.5 * 602 : 604);
      const { graph, engine, submit, until, results } = bench(
        { cacheBytesMax, sliceSteps: 10 },
        createArithmetic(sharing),
      );
      for (const id of [1, 2, 3]) submit({ id, parameters: long(600) });
      await until('token', 1);
      submit({ id: 4, parameters: long(5) });
      await until('done', 4);
      assert.ok(graph.steps.length < 60, `${graph.steps.length} steps`);
      await engine.idle();
      for (const id of [1, 2, 3]) assert.deepEqual(results(id), alone[id - 1]?.results(id));
      const { reservedBytes, cacheBytes } = engine.stats();
      assert.deepEqual([reservedBytes, cacheBytes], [0, 0]);
    });
  }

  it('goes on with who was set aside where a job of the same call stands before it and does not fit beside it', async () => {
    const { engine, events, submit } = bench({ rowsMax: 4, sliceSteps: 1, cacheBytesMax: 480 });
    const three = { doSample: true, numReturnSequences: 3, topK: 0, seed: 1 };
    submit({ id: 1, caller: 7, parameters: { ...three, ...long(9) } });
    submit({ id: 2, parameters: { numBeams: 2, ...long(2) } });
    submit({ id: 3, caller: 7, parameters: { numBeams: 4, ...long(12) } });
    await engine.idle();
    assert.equal(events.filter(({ at }) => at === 'done').length, 3);
  });

  it('ends a cancelled job at the next step and frees its cache at once', async () => {
    const { graph, engine, events, submit, until } = bench();
    submit({ id: 1, parameters: long(500) });
    submit({ id: 2, parameters: long(30) });
    await until('token', 1);
    const before = engine.stats();
    engine.cancel(1);
    const at = graph.steps.length;
    await until('done', 2);
    assert.ok(graph.steps.slice(at + 1).every((rows) => rows <= 2));
    await engine.idle();
    assert.ok(before.reservedBytes > 0);
    const { reservedBytes, liveRows, cacheBytes, batches, waiting } = engine.stats();
    assert.deepEqual(
      { reservedBytes, liveRows, cacheBytes, batches, waiting },
      { reservedBytes: 0, liveRows: 0, cacheBytes: 0, batches: 0, waiting: 0 },
    );
    assert.ok(graph.steps.length < 40, 'the rest of the 500 was never computed');
    assert.ok(!events.some((event) => event.at === 'done' && event.id === 1));
  });

  it('never runs a job that was cancelled while it waited', async () => {
    const { graph, engine, submit } = bench({ rowsMax: 1 });
    submit({ id: 1, parameters: long(5) });
    submit({ id: 2, parameters: long(5) });
    engine.cancel(2);
    await engine.idle();
    assert.equal(graph.steps.length, 4);
  });

  it('fails only the prompt that cannot be read', async () => {
    const { graph, engine, events, submit } = bench();
    graph.poison = 19;
    submit({ id: 1 });
    submit({ id: 2, input: [19, 3] });
    submit({ id: 3 });
    await engine.idle();
    assert.deepEqual(
      events
        .filter(({ at }) => at !== 'token')
        .map(({ at, id }) => [id, at])
        .sort(),
      [
        [1, 'done'],
        [2, 'failed'],
        [3, 'done'],
      ],
    );
    assert.equal(engine.stats().reservedBytes, 0);
  });

  it('fails only the job whose logits are not numbers', async () => {
    const { graph, engine, events, submit } = bench();
    graph.poisonLogits = 19;
    submit({ id: 1, parameters: long(5) });
    submit({ id: 2, input: [19, 3], parameters: long(5) });
    submit({ id: 3, input: [19, 3], parameters: { numBeams: 2 } });
    await engine.idle();
    const ends = events.filter(({ at }) => at !== 'token').map(({ at, id }) => `${id} ${at}`);
    assert.deepEqual(ends.sort(), ['1 done', '2 failed', '3 failed']);
    assert.equal(engine.stats().reservedBytes, 0);
  });

  it('leaves nothing that is no number to who sits there next', async () => {
    const { graph, engine, events, submit, until } = bench({}, createArithmetic('in places'));
    graph.poisonLogits = 19;
    submit({ id: 1, parameters: { ...long(40), suppressTokens: [19] } });
    await until('token', 1);
    submit({ id: 2, input: [19, 3], parameters: long(5) });
    await until('failed', 2);
    submit({ id: 3, parameters: { ...long(5), suppressTokens: [19] } });
    await engine.idle();
    const ends = events.filter(({ at }) => at !== 'token').map(({ at, id }) => `${id} ${at}`);
    assert.deepEqual(ends.sort(), ['1 done', '2 failed', '3 done']);
  });

  it('fails who takes part in a step that fails, and serves who comes after', async () => {
    const { graph, engine, events, submit, until } = bench();
    submit({ id: 1, parameters: long(10) });
    await until('token', 1);
    graph.breakNext();
    await until('failed', 1);
    submit({ id: 2 });
    await engine.idle();
    assert.ok(events.some((event) => event.at === 'done' && event.id === 2));
    assert.equal(engine.stats().reservedBytes, 0);
  });

  it('refuses what could never fit, with the reason', () => {
    const { events, submit } = bench({ rowsMax: 2, cacheBytesMax: 4_000 });
    submit({ id: 1, parameters: { numBeams: 4 } });
    submit({ id: 2, parameters: { maxNewTokens: 1_900 } });
    assert.deepEqual(
      events.map((event) => event.at === 'failed' && event.code),
      ['OPTION_UNSUPPORTED', 'OPTION_UNSUPPORTED'],
    );
  });

  it('reserves no more cache than it may and still serves everybody', async () => {
    const one = 2 * 4 * (31 + 2);
    const { engine, events, submit } = bench({ cacheBytesMax: 2 * one });
    let most = 0;
    for (let id = 1; id <= 6; id++) submit({ id, parameters: long(30) });
    const watch = setInterval(() => {
      most = Math.max(most, engine.stats().reservedBytes);
    }, 0);
    await engine.idle();
    clearInterval(watch);
    assert.ok(most <= 2 * one);
    assert.equal(events.filter(({ at }) => at === 'done').length, 6);
  });

  it('streams each token of the first result once, in order, and none under beams', async () => {
    const { engine, events, submit, results } = bench();
    submit({ id: 1, parameters: { maxNewTokens: 12, doSample: true, numReturnSequences: 3, seed: 4 } });
    submit({ id: 2, parameters: { maxNewTokens: 12, numBeams: 3 } });
    await engine.idle();
    const streamed = events.flatMap((event) => (event.at === 'token' && event.id === 1 ? [event.token] : []));
    assert.deepEqual(streamed, results(1)[0]);
    assert.ok(!events.some((event) => event.at === 'token' && event.id === 2));
  });

  for (const sharing of ['any age', 'one age', 'in parts', 'in places'] as const) {
    it(`gives everybody what it would get alone, whoever comes and goes beside it (${sharing})`, async () => {
      const job = fc.record({
        input: fc.oneof(
          { weight: 5, arbitrary: fc.array(fc.integer({ min: 2, max: 23 }), { minLength: 1, maxLength: 9 }) },
          { weight: 1, arbitrary: fc.integer({ min: 129, max: 200 }).map(prompt) },
        ),
        parameters: fc.oneof(
          fc.record({ maxNewTokens: fc.integer({ min: 1, max: 30 }) }),
          fc.record({
            maxNewTokens: fc.integer({ min: 1, max: 20 }),
            numBeams: fc.integer({ min: 2, max: 4 }),
            noRepeatNgramSize: fc.constant(2),
          }),
          fc.record({
            maxNewTokens: fc.integer({ min: 1, max: 20 }),
            doSample: fc.constant(true),
            numReturnSequences: fc.integer({ min: 1, max: 3 }),
            seed: fc.integer({ min: 0, max: 99 }),
          }),
        ),
        pause: fc.integer({ min: 0, max: 4 }),
        cancelled: fc.constantFrom(false, false, false, true),
        caller: fc.integer({ min: 1, max: 3 }),
        tenant: fc.constantFrom('one', 'other'),
        criticality: fc.constantFrom(...CRITICALITIES),
      });
      const limits = fc.record({
        rowsMax: fc.integer({ min: 4, max: 12 }),
        promptTokensMax: fc.constantFrom(1, 10, 64),
        paddingMax: fc.constantFrom(0, 5, 1_000),
        sliceSteps: fc.constantFrom(1, 3, 1_000),
        // The widest job may come to 4 rows of 21 tokens, 64 of room and 200 of source, at 8 bytes each.
        cacheBytesMax: fc.constantFrom(9_200, 12_000, 2 ** 20),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(job, { minLength: 1, maxLength: 12 }),
          limits,
          fc.boolean(),
          async (jobs, given, one) => {
            const graph = createArithmetic(sharing);
            graph.oneScale = one;
            const together = bench(given, graph);
            for (const [id, { input, parameters, pause, ...caller }] of jobs.entries()) {
              for (let turn = 0; turn < pause; turn++)
                await new Promise((resolvePromise) => setImmediate(resolvePromise));
              together.submit({ id, input, parameters, ...caller });
            }
            for (const [id, { cancelled }] of jobs.entries()) if (cancelled) together.engine.cancel(id);
            await together.engine.idle();
            for (const [id, { input, parameters, cancelled }] of jobs.entries()) {
              const done = together.events.some((event) => event.at === 'done' && event.id === id);
              if (cancelled && !done) continue;
              const alone = bench();
              alone.submit({ id, input, parameters });
              await alone.engine.idle();
              assert.deepEqual(together.results(id), alone.results(id));
            }
            const { reservedBytes, liveRows, batches, waiting } = together.engine.stats();
            assert.deepEqual([reservedBytes, liveRows, batches, waiting], [0, 0, 0, 0]);
          },
        ),
        { numRuns: 60 },
      );
    });
  }
});
