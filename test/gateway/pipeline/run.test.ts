/** How a plan runs: what starts when, what is skipped, what stands in, what ends the run. */
import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import type { RunEvent } from '../../../gateway/pipeline/index.js';
import { createVirtualClock, settle } from '../../kit/clock.js';
import { defer } from '../../kit/defer.js';
import { type Answers, createFakeUpstream, served, standardAnswers } from './fake-upstream.js';
import { planOf, run } from './kit.js';

const head =
  'name: t\nversion: "1"\ninput: {text: {type: string, default: hello}, n: {type: int, default: 1}, list: {type: list<string>, default: [a, b, c]}}\n';

function plan(steps: string, output: string, others?: Record<string, string>) {
  return planOf(`${head}steps:\n${steps}\noutput: ${output}\n`, others);
}

const count = (name: string, more = '', text = '${input.text}'): string =>
  `  ${name}:\n    call: tokenize.Count\n    with: {texts: ["${text}"]}\n${more ? `    ${more}\n` : ''}`;

/** Answers of tokenize.Count that the test lets go one by one, by text. */
function held(): { answers: Answers; let: Record<string, ReturnType<typeof defer<void>>> } {
  const gates: Record<string, ReturnType<typeof defer<void>>> = {};
  return {
    let: gates,
    answers: {
      ...standardAnswers(),
      'tokenize.Count': async ({ texts }) => {
        const [text = ''] = texts as string[];
        gates[text] = defer();
        await gates[text].promise;
        return { ...served('t'), counts: [text.length] };
      },
    },
  };
}

const failing = (code: 'OVERLOADED' | 'MODEL_UNKNOWN' = 'MODEL_UNKNOWN'): Answers => ({
  ...standardAnswers(),
  'tokenize.Count': () => {
    throw new MeshError(code, 'broken');
  },
});

describe('running a pipeline', () => {
  it('starts every step as soon as what it reads exists, and not before', async () => {
    const { answers, let: gates } = held();
    const upstream = createFakeUpstream(answers);
    const four = plan(
      `${count('a', '', 'one')}${count('b', '', 'two')}${count('c', '', '${string(steps.a.counts[0])}')}${count('d', 'after: [b]', 'four')}`,
      '{x: "${steps.c.counts[0] + steps.d.counts[0]}"}',
    );
    const running = run(four, upstream);
    await settle();
    assert.deepEqual(Object.keys(gates), ['one', 'two'], 'independent steps run together');
    gates.two?.resolve();
    await settle();
    assert.deepEqual(Object.keys(gates).sort(), ['four', 'one', 'two'], 'd waits for b only');
    gates.one?.resolve();
    await settle();
    gates.four?.resolve();
    gates['3']?.resolve();
    assert.deepEqual((await running).output, { x: 5 });
  });

  it('skips a step whose condition is false, and what reads it without asking', async () => {
    const upstream = createFakeUpstream(standardAnswers());
    const made = plan(
      `${count('a', 'when: "${input.n > 5}"')}${count('b', '', '${string(steps.a.counts[0])}')}${count('c', '', "${has(steps.a) ? 'was' : 'was not'}")}`,
      '{x: "${steps.b.counts[0]}", y: "${steps.c.counts[0]}"}',
    );
    const { output, outcomes } = await run(made, upstream);
    assert.deepEqual(outcomes, { a: 'SKIPPED', b: 'SKIPPED', c: 'OK' });
    assert.deepEqual(output, { y: 2 }, 'an output without a value is left out');
    assert.deepEqual((await run(made, upstream, { n: 6 })).outcomes, { a: 'OK', b: 'OK', c: 'OK' });
  });

  it('stops a step that nobody needs any more, and never starts one that nobody needs', async () => {
    const { answers, let: gates } = held();
    const upstream = createFakeUpstream(answers);
    const made = plan(
      `${count('gate', '', 'gate')}${count('slow', '', 'slow')}${count('after_slow', '', '${string(steps.slow.counts[0])}')}  chosen:\n    switch:\n      - when: \${steps.gate.counts[0] > 100}\n        value: \${steps.after_slow.counts[0]}\n      - value: 7`,
      '{x: "${steps.chosen}"}',
    );
    const running = run(made, upstream);
    await settle();
    assert.ok(gates.slow, 'it begins eagerly');
    gates.gate?.resolve();
    const { output, outcomes } = await running;
    assert.deepEqual(output, { x: 7 });
    assert.deepEqual(outcomes, { gate: 'OK', slow: 'CANCELLED', after_slow: 'SKIPPED', chosen: 'OK' });
    assert.deepEqual(upstream.cancelled, ['tokenize.Count'], 'the call itself was cancelled');
  });

  it('does not wait for what would only be read beside a result that is missing', async () => {
    for (const [reader, output] of [
      ['', '{x: "${steps.none.counts[0] + steps.slow.counts[0]}", y: "${has(steps.none)}"}'],
      ['  both:\n    value: ${steps.none.counts[0] + steps.slow.counts[0]}\n', '{x: "${has(steps.both)}"}'],
      [
        '  both:\n    when: ${steps.none.counts[0] > steps.slow.counts[0]}\n    value: 1\n',
        '{x: "${has(steps.both)}"}',
      ],
    ] as const) {
      const { answers, let: gates } = held();
      const upstream = createFakeUpstream(answers);
      const made = plan(
        `${count('gate', '', 'gate')}${count('none', 'when: "${steps.gate.counts[0] > 100}"')}${count('slow', '', 'slow')}${reader}`,
        output,
      );
      const running = run(made, upstream);
      await settle();
      gates.gate?.resolve();
      const { outcomes, result } = await running;
      assert.deepEqual([outcomes.none, outcomes.slow], ['SKIPPED', 'CANCELLED']);
      assert.equal(result.reports.find(({ name }) => name === 'slow')?.attempts, 1, 'it had been sent');
      assert.deepEqual(upstream.cancelled, ['tokenize.Count']);
      assert.deepEqual(result.degraded, []);
    }
  });

  it('does not wait for what only a fallback reads, until it is needed', async () => {
    const { answers, let: gates } = held();
    const made = plan(
      `${count('a', 'fallback: {value: {counts: ["${steps.b.counts[0]}"]}}', 'first')}${count('b', '', 'second')}`,
      '{x: "${steps.a.counts[0]}"}',
    );
    const upstream = createFakeUpstream(answers);
    const running = run(made, upstream);
    await settle();
    assert.deepEqual(Object.keys(gates).sort(), ['first', 'second']);
    gates.first?.resolve();
    assert.deepEqual((await running).outcomes, { a: 'OK', b: 'CANCELLED' });
    const failing = createFakeUpstream({
      ...answers,
      'tokenize.Count': (request, call, tries) => {
        if ((request.texts as string[])[0] === 'first') throw new MeshError('MODEL_UNKNOWN', 'broken');
        return (answers['tokenize.Count'] as NonNullable<Answers[string]>)(request, call, tries);
      },
    });
    const again = run(made, failing);
    await settle();
    gates.second?.resolve();
    assert.deepEqual((await again).output, { x: 6 });
  });

  it('stops the fallback of a step that nobody needs any more', async () => {
    const { answers, let: gates } = held();
    const upstream = createFakeUpstream({
      ...answers,
      'embed.Embed': ({ model }) => {
        if (model === undefined) throw new MeshError('MODEL_UNKNOWN', 'broken');
        return new Promise(() => {});
      },
    });
    const made = plan(
      `${count('gate', '', 'gate')}  a:\n    call: embed.Embed\n    with: {texts: [x]}\n    fallback: {model: other}\n  chosen:\n    switch:\n      - {when: "\${steps.gate.counts[0] > 100}", value: "\${steps.a.dimensions}"}\n      - value: 7`,
      '{x: "${steps.chosen}"}',
    );
    const running = run(made, upstream);
    await settle();
    assert.equal(upstream.of('embed.Embed').length, 2, 'the fallback runs');
    gates.gate?.resolve();
    assert.deepEqual((await running).outcomes, { gate: 'OK', a: 'CANCELLED', chosen: 'OK' });
    assert.deepEqual(upstream.cancelled, ['embed.Embed']);
  });

  it('ends at the first failure, names the step, keeps the code and cancels the rest', async () => {
    const { answers } = held();
    const upstream = createFakeUpstream({
      ...answers,
      'embed.Embed': () => {
        throw new MeshError('QUEUE_FULL', 'the queue is full', {
          retryAfterMs: 250,
          violations: [{ field: 'texts[0]', description: 'late' }],
        });
      },
    });
    const events: RunEvent[] = [];
    const made = plan(
      `${count('a', '', 'never')}  b:\n    call: embed.Embed\n    with: {texts: ["x"]}`,
      '{x: "${steps.a.counts[0]}", y: "${steps.b.dimensions}"}',
    );
    await assert.rejects(run(made, upstream, {}, { onEvent: (event) => events.push(event) }), (error: MeshError) => {
      assert.equal(error.code, 'QUEUE_FULL');
      assert.match(error.message, /^step b: the queue is full/);
      assert.equal(error.retryAfterMs, 250);
      assert.deepEqual(error.violations, [{ field: 'steps.b.texts[0]', description: 'late' }]);
      return true;
    });
    assert.deepEqual(upstream.cancelled, ['tokenize.Count']);
    const finished = events.flatMap((event) =>
      event.kind === 'finished' ? [[event.report.name, event.report.outcome]] : [],
    );
    assert.deepEqual(finished, [
      ['b', 'STEP_OUTCOME_FAILED'],
      ['a', 'STEP_OUTCOME_CANCELLED'],
    ]);
  });

  it('goes on without an optional step, and says so', async () => {
    const made = plan(
      `${count('a', 'optional: true')}${count('b').replace('tokenize.Count', 'embed.Embed')}`,
      '{x: "${steps.a.counts[0]}", y: "${steps.b.dimensions}"}',
    );
    const { output, outcomes, result } = await run(made, createFakeUpstream(failing()));
    assert.deepEqual(output, { y: 4 });
    assert.deepEqual(outcomes, { a: 'FAILED', b: 'OK' });
    assert.deepEqual(result.degraded, ['a']);
    assert.equal(result.reports[0]?.problem?.code, 'MODEL_UNKNOWN');
  });

  for (const [kind, fallback, expected] of [
    ['a constant', '{value: {counts: [42]}}', 42],
    ['another call', '{call: tokenize.Count, with: {model: other, texts: ["four"]}}', 4],
    ['another model', '{model: other}', 5],
    ['another step', '{step: b}', 9],
  ] as const) {
    it(`falls back to ${kind}`, async () => {
      const answers: Answers = {
        ...standardAnswers(),
        'tokenize.Count': ({ model, texts }) => {
          if (model !== 'other') throw new MeshError('MODEL_UNKNOWN', 'broken');
          return { ...served('other'), counts: [String((texts as string[])[0]).length] };
        },
      };
      const b =
        kind === 'another step'
          ? '  b:\n    call: tokenize.Count\n    with: {model: other, texts: ["ninechars"]}\n'
          : '';
      const made = plan(`${count('a', `fallback: ${fallback}`)}${b}`, '{x: "${steps.a.counts[0]}"}');
      const { output, outcomes, result } = await run(made, createFakeUpstream(answers));
      assert.deepEqual(output, { x: expected });
      assert.equal(outcomes.a, 'FALLBACK');
      assert.deepEqual(result.degraded, ['a']);
      assert.equal(result.reports[0]?.problem?.message, 'broken');
    });
  }

  it('does not run a step that only a fallback would need', async () => {
    const upstream = createFakeUpstream(standardAnswers());
    const made = plan(`${count('a', 'fallback: {step: b}')}${count('b')}`, '{x: "${steps.a.counts[0]}"}');
    assert.equal(made.steps[1]?.lazy, true);
    const { outcomes } = await run(made, upstream);
    assert.deepEqual(outcomes, { a: 'OK', b: 'SKIPPED' });
    assert.equal(upstream.calls.length, 1);
  });

  it('reports the first failure where the fallback fails too', async () => {
    const made = plan(count('a', 'fallback: {model: other}'), '{x: "${steps.a.counts[0]}"}');
    await assert.rejects(run(made, createFakeUpstream(failing())), {
      code: 'MODEL_UNKNOWN',
      message: 'step a: broken',
    });
  });

  describe('each', () => {
    const each = (more = ''): string =>
      `  a:\n    each: \${input.list}\n    call: tokenize.Count\n    with: {texts: ["\${item}", "\${string(index)}"]}\n${more}`;

    it('maps in order with a bounded number at once', async () => {
      let running = 0;
      let most = 0;
      const list = Array.from({ length: 20 }, (_, index) => 'x'.repeat(index));
      const upstream = createFakeUpstream({
        'tokenize.Count': async ({ texts }) => {
          most = Math.max(most, ++running);
          const [text = ''] = texts as string[];
          for (let turn = 0; turn < (text.length * 7) % 5; turn++) await settle(); // ends in another order than it begins
          running--;
          return { ...served('t'), counts: [text.length] };
        },
      });
      const { output, result } = await run(
        plan(each('    parallel: 3\n'), '{x: "${steps.a.map(r, r.counts[0])}"}'),
        upstream,
        { list },
      );
      assert.deepEqual(
        output.x,
        list.map((text) => text.length),
      );
      assert.equal(most, 3);
      assert.equal(result.reports[0]?.items, 20);
      assert.equal(result.reports[0]?.attempts, 20);
      assert.deepEqual(
        upstream
          .of('tokenize.Count')
          .map(({ texts }) => (texts as string[])[1])
          .sort((a, b) => Number(a) - Number(b)),
        list.map((_, index) => String(index)),
      );
    });

    it('ends one item at its item_timeout: it alone falls back, or the step fails and names it', async () => {
      for (const [more, expected] of [
        ['    item_timeout: 100ms\n    fallback: {model: other}\n', [1, 7, 3]],
        ['    item_timeout: 100ms\n', /item 1: did not end within its item_timeout of 100 ms/],
      ] as const) {
        const clock = createVirtualClock();
        const upstream = createFakeUpstream({
          'tokenize.Count': ({ texts, model }) => {
            if (model === 'other') return { ...served('o'), counts: [7] };
            const [text = ''] = texts as string[];
            if (text === 'xx') return new Promise(() => {});
            return { ...served('t'), counts: [text.length] };
          },
        });
        const made = plan(each(more), '{x: "${steps.a.map(r, r.counts[0])}"}');
        const running = run(made, upstream, { list: ['x', 'xx', 'xxx'] }, { clock });
        running.catch(() => {});
        await clock.advance(99);
        assert.deepEqual(upstream.cancelled, []);
        await clock.advance(1);
        assert.deepEqual(upstream.cancelled, ['tokenize.Count']);
        if (expected instanceof RegExp) await assert.rejects(running, expected);
        else assert.deepEqual((await running).output.x, expected);
        assert.equal(clock.pending, 0, 'no timer is left');
      }
    });

    it('is an empty list for an empty one', async () => {
      assert.deepEqual(
        (await run(plan(each(), '{x: "${size(steps.a)}"}'), createFakeUpstream({}), { list: [] })).output,
        { x: 0 },
      );
    });

    it('names the item that failed and stops the others', async () => {
      const upstream = createFakeUpstream({
        'tokenize.Count': ({ texts }) => {
          if ((texts as string[])[0] === 'b') throw new MeshError('TEXT_TOO_LONG', 'too long');
          return new Promise(() => {});
        },
      });
      await assert.rejects(run(plan(each(), '{x: "${size(steps.a)}"}'), upstream), {
        code: 'TEXT_TOO_LONG',
        message: 'step a: item 1: too long',
      });
      assert.deepEqual(upstream.cancelled, ['tokenize.Count', 'tokenize.Count']);
    });

    it('stops what stands in for other items too', async () => {
      const upstream = createFakeUpstream({
        'tokenize.Count': ({ texts, model }) => {
          if (model === 'other' && (texts as string[])[0] !== 'b') return new Promise(() => {});
          throw new MeshError('TEXT_TOO_LONG', 'too long');
        },
      });
      await assert.rejects(run(plan(each('    fallback: {model: other}\n'), '{x: "${size(steps.a)}"}'), upstream), {
        message: 'step a: item 1: too long',
      });
      assert.deepEqual(upstream.cancelled, ['tokenize.Count', 'tokenize.Count']);
    });

    it('says of which item a text is', async () => {
      const deltas: unknown[] = [];
      const upstream = createFakeUpstream(standardAnswers());
      await run(
        plan(
          '  a:\n    each: ${input.list}\n    call: summarize.SummarizeStream\n    with: {text: "${item}"}',
          '{x: "${size(steps.a)}"}',
        ),
        upstream,
        { list: ['one', 'two'] },
        { onEvent: (event) => event.kind === 'partial' && deltas.push([event.item, event.delta]) },
      );
      assert.deepEqual(
        deltas.filter((each) => (each as unknown[])[1] !== 'short: '),
        [
          [0, 'one'],
          [1, 'two'],
        ],
      );
      assert.deepEqual(upstream.readToEnd, ['summarize.SummarizeStream', 'summarize.SummarizeStream']);
    });

    it('refuses a list longer than its limit before any call', async () => {
      const upstream = createFakeUpstream({});
      await assert.rejects(run(plan(each('    max_items: 2\n'), '{x: "${size(steps.a)}"}'), upstream), {
        code: 'TOO_MANY_ITEMS',
      });
      assert.equal(upstream.calls.length, 0);
    });

    it('gives a fallback to the item that failed only', async () => {
      const upstream = createFakeUpstream({
        'tokenize.Count': ({ texts }) => {
          if ((texts as string[])[0] === 'b') throw new MeshError('TEXT_TOO_LONG', 'too long');
          return { counts: [1] };
        },
      });
      const { output, outcomes } = await run(
        plan(
          each('    fallback: {value: {counts: [-1]}}\n'.replace('-1', '99')),
          '{x: "${steps.a.map(r, r.counts[0])}"}',
        ),
        upstream,
      );
      assert.deepEqual(output.x, [1, 99, 1]);
      assert.equal(outcomes.a, 'FALLBACK');
    });
  });

  it('splits by weight, and sticks to a branch by key', async () => {
    const made = plan(
      '  a:\n    split:\n      - {weight: 90, value: old}\n      - {weight: 10, value: new}\n',
      '{x: "${steps.a}"}',
    );
    const upstream = createFakeUpstream({});
    assert.equal((await run(made, upstream, {}, { random: () => 0.89 })).output.x, 'old');
    assert.equal((await run(made, upstream, {}, { random: () => 0.91 })).output.x, 'new');
    const sticky = plan(
      '  a:\n    split_by: ${input.text}\n    split:\n      - {weight: 1, value: old}\n      - {weight: 1, value: new}\n',
      '{x: "${steps.a}"}',
    );
    const chosen = await Promise.all(
      Array.from(
        { length: 200 },
        async (_, index) => (await run(sticky, upstream, { text: `user ${index}` })).output.x,
      ),
    );
    const again = await Promise.all(
      Array.from(
        { length: 200 },
        async (_, index) => (await run(sticky, upstream, { text: `user ${index}` })).output.x,
      ),
    );
    assert.deepEqual(chosen, again);
    const share = chosen.filter((each) => each === 'new').length;
    assert.ok(share > 60 && share < 140, `${share} of 200`);
  });

  it('takes the first branch whose condition holds, and none where none does', async () => {
    const made = plan(
      '  a:\n    switch:\n      - {when: "${input.n > 10}", value: many}\n      - {when: "${input.n > 1}", value: some}\n',
      '{x: "${steps.a}"}',
    );
    const upstream = createFakeUpstream({});
    assert.equal((await run(made, upstream, { n: 11 })).output.x, 'many');
    assert.equal((await run(made, upstream, { n: 2 })).output.x, 'some');
    const { output, outcomes } = await run(made, upstream, { n: 1 });
    assert.deepEqual([output, outcomes], [{}, { a: 'SKIPPED' }]);
  });

  it('chooses a branch for every item of an each', async () => {
    const made = plan(
      '  a:\n    each: ${input.list}\n    switch:\n      - when: ${item == "b"}\n        value: ${"the " + item}\n      - value: ${item}\n',
      '{x: "${steps.a}"}',
    );
    assert.deepEqual((await run(made, createFakeUpstream({}))).output, { x: ['a', 'the b', 'c'] });
  });

  it('does without a fallback that reads what has no result', async () => {
    const made = plan(
      `${count('a', 'fallback: {value: {counts: ["${steps.b.counts[0]}"]}}')}${count('b', 'optional: true')}`,
      '{x: "${steps.a.counts[0]}"}',
    );
    await assert.rejects(run(made, createFakeUpstream(failing())), { message: 'step a: broken' });
    assert.deepEqual((await run(made, createFakeUpstream(standardAnswers()))).output, { x: 1 });
  });

  describe('times', () => {
    it('ends a step at its timeout and goes on where that is allowed', async () => {
      const clock = createVirtualClock();
      const upstream = createFakeUpstream({ 'tokenize.Count': () => new Promise(() => {}) });
      const made = plan(count('a', 'timeout: 300ms\n    optional: true'), '{x: "${has(steps.a)}"}');
      const running = run(made, upstream, {}, { clock });
      await clock.advance(299);
      assert.deepEqual(upstream.cancelled, []);
      await clock.advance(1);
      const { output, result } = await running;
      assert.deepEqual(output, { x: false });
      assert.match(result.reports[0]?.problem?.message ?? '', /did not end within its timeout of 300 ms/);
      assert.equal(result.reports[0]?.durationMs, 300);
      assert.deepEqual(upstream.cancelled, ['tokenize.Count']);
      assert.equal(clock.pending, 0, 'no timer is left');
    });

    it('gives every call what is left of the one deadline, and ends with it', async () => {
      const clock = createVirtualClock();
      const upstream = createFakeUpstream({ 'tokenize.Count': () => new Promise(() => {}) });
      const deadline = new AbortController();
      const made = plan(count('a', 'optional: true'), '{x: "${has(steps.a)}"}');
      const running = run(made, upstream, {}, { clock, deadlineMs: clock.now() + 500, signal: deadline.signal });
      running.catch(() => {});
      await settle();
      assert.equal(upstream.calls[0]?.call.deadlineMs, clock.now() + 500);
      deadline.abort(new MeshError('DEADLINE_EXCEEDED', 'the deadline passed'));
      await assert.rejects(
        running,
        { code: 'DEADLINE_EXCEEDED' },
        'an optional step does not turn a late run into a good one',
      );
    });

    it('holds back what the steps after it are known to need', async () => {
      const clock = createVirtualClock();
      const upstream = createFakeUpstream({
        'tokenize.Count': async ({ texts }) => {
          await new Promise<void>((resolve) => clock.after((texts as string[])[0] === 'quick' ? 10 : 400, resolve));
          return { counts: [1] };
        },
      });
      const made = plan(`${count('a', '', 'quick')}${count('b', 'after: [a]', 'slow')}`, '{x: "${steps.b.counts[0]}"}');
      const first = run(made, upstream, {}, { clock, deadlineMs: clock.now() + 10_000 });
      await clock.advance(1_000);
      await first;
      const second = run(made, upstream, {}, { clock, deadlineMs: clock.now() + 1_000 });
      await settle();
      assert.equal(upstream.calls.at(-1)?.call.deadlineMs, clock.now() + 1_000 - 400, 'a leaves b its 400 ms');
      await clock.advance(1_000);
      await second;
    });

    it('cancels everything when the caller goes away', async () => {
      const upstream = createFakeUpstream({ 'tokenize.Count': () => new Promise(() => {}) });
      const caller = new AbortController();
      const running = run(
        plan(`${count('a')}${count('b')}`, '{x: "${steps.a.counts[0] + steps.b.counts[0]}"}'),
        upstream,
        {},
        { signal: caller.signal },
      );
      running.catch(() => {});
      await settle();
      caller.abort(new MeshError('CANCELLED', 'the caller went away'));
      await assert.rejects(running, { code: 'CANCELLED' });
      assert.equal(upstream.cancelled.length, 2);
    });

    it('retries what is retryable, after a pause, as often as the step says', async () => {
      const clock = createVirtualClock();
      const upstream = createFakeUpstream({
        'tokenize.Count': (_request, _call, tries) => {
          if (tries < 3) throw new MeshError('OVERLOADED', 'busy');
          return { counts: [tries] };
        },
      });
      const made = plan(count('a', 'retry: {attempts: 3, backoff: 100ms}'), '{x: "${steps.a.counts[0]}"}');
      const running = run(made, upstream, {}, { clock, random: () => 1 });
      await settle();
      assert.equal(upstream.calls.length, 1);
      await clock.advance(100);
      assert.equal(upstream.calls.length, 2);
      await clock.advance(199);
      assert.equal(upstream.calls.length, 2, 'the pause doubles');
      await clock.advance(1);
      const { output, result } = await running;
      assert.deepEqual(output, { x: 3 });
      assert.equal(result.reports[0]?.attempts, 3);
    });

    it('does not retry what cannot succeed', async () => {
      const upstream = createFakeUpstream(failing());
      await assert.rejects(run(plan(count('a', 'retry: 5'), '{x: "${steps.a.counts[0]}"}'), upstream));
      assert.equal(upstream.calls.length, 1);
    });

    it('hedges: the second call may win, and the first is cancelled', async () => {
      const clock = createVirtualClock();
      const upstream = createFakeUpstream({
        'tokenize.Count': (_request, _call, tries) => (tries === 1 ? new Promise(() => {}) : { counts: [tries] }),
      });
      const running = run(plan(count('a', 'hedge: 50ms'), '{x: "${steps.a.counts[0]}"}'), upstream, {}, { clock });
      await clock.advance(49);
      assert.equal(upstream.calls.length, 1);
      await clock.advance(1);
      assert.deepEqual((await running).output, { x: 2 });
      assert.deepEqual(upstream.cancelled, ['tokenize.Count']);
      assert.equal(clock.pending, 0);
    });

    it('asks for a cache, and reports what came from it', async () => {
      const upstream = createFakeUpstream(standardAnswers(), { cached: (call) => call.cache !== undefined });
      const { result } = await run(plan(count('a', 'cache: 10m'), '{x: "${steps.a.counts[0]}"}'), upstream);
      assert.deepEqual(upstream.calls[0]?.call.cache, { ttlMs: 600_000 });
      assert.equal(result.reports[0]?.cached, true);
      assert.equal(result.usage.inputTokens, 0, 'what came from memory consumed nothing');
    });
  });

  it('adds up usage and reports who answered', async () => {
    const made = plan(
      `${count('a')}  b:\n    call: embed.Embed\n    with: {model: m, texts: "\${input.list}"}`,
      '{x: "${steps.a.counts[0]}", y: "${steps.b.dimensions}"}',
    );
    const upstream = createFakeUpstream(standardAnswers());
    const { result } = await run(made, upstream);
    assert.deepEqual(result.usage, { texts: 4, inputTokens: 40, outputTokens: 0 });
    const [, b] = result.reports;
    assert.deepEqual(b?.model, { name: 'embedder', version: '1', digest: 'sha256:00', instance: 'embed-1' });
    assert.equal(b?.timings?.batchSize, 3);
    assert.equal(upstream.calls.find(({ method }) => method === 'embed.Embed')?.call.model, 'm');
    assert.equal(upstream.calls[0]?.call.metadata?.['x-request-id'], 'test');
  });

  it('passes text on as it comes, and takes the end of the stream as the answer', async () => {
    const events: RunEvent[] = [];
    const made = plan(
      '  a:\n    call: summarize.SummarizeStream\n    with: {text: "${input.text}"}',
      '{x: "${steps.a.summaries[0].text}"}',
    );
    const { output } = await run(
      made,
      createFakeUpstream(standardAnswers()),
      {},
      { onEvent: (event) => events.push(event) },
    );
    assert.deepEqual(output, { x: 'short: hello' });
    assert.deepEqual(
      events.map((event) => (event.kind === 'partial' ? event.delta : event.kind)),
      ['started', 'short: ', 'hello', 'finished'],
    );
  });

  it('refuses a stream that ends without its answer', async () => {
    const made = plan(
      '  a:\n    call: summarize.SummarizeStream\n    with: {text: "${input.text}"}',
      '{x: "${steps.a.summaries[0].text}"}',
    );
    await assert.rejects(run(made, createFakeUpstream({ 'summarize.SummarizeStream': () => [{ delta: 'x' }] })), {
      code: 'UPSTREAM_INVALID',
    });
  });

  it('moves a field from an answer to a request as bytes', async () => {
    const upstream = createFakeUpstream({
      ...standardAnswers(),
      'tokenize.Decode': () => ({ ...served('t'), texts: ['grüße', '', '𝛼'] }),
    });
    const made = plan(
      '  a:\n    call: tokenize.Decode\n    with: {sequences: [{ids: [1, 2]}]}\n  b:\n    call: embed.Embed\n    with: {model: m, texts: "${steps.a.texts}"}',
      '{x: "${steps.b.dimensions}"}',
    );
    const { action } = made.steps[1] ?? {};
    assert.deepEqual(action?.kind === 'call' && action.request.moved, ['texts']);
    await run(made, upstream);
    assert.deepEqual(upstream.of('embed.Embed'), [{ model: 'm', texts: ['grüße', '', '𝛼'] }]);
    assert.deepEqual(upstream.of('tokenize.Decode'), [{ sequences: [{ ids: [1, 2] }] }]);
  });

  it('leaves out a field whose input was not given', async () => {
    const upstream = createFakeUpstream(standardAnswers());
    const made = planOf(
      'name: t\nversion: "1"\ninput: {model: {type: string, required: false}}\nsteps:\n  a:\n    call: embed.Embed\n    with: {model: "${input.model}", texts: [x]}\noutput: {x: "${steps.a.dimensions}"}\n',
    );
    await run(made, upstream);
    await run(made, upstream, { model: 'm' });
    assert.deepEqual(upstream.of('embed.Embed'), [{ texts: ['x'] }, { model: 'm', texts: ['x'] }]);
  });

  it('fails the step whose expression cannot be computed', async () => {
    const made = plan(`${count('a')}  b:\n    value: \${steps.a.counts[7]}`, '{x: "${steps.b}"}');
    await assert.rejects(run(made, createFakeUpstream(standardAnswers())), {
      code: 'STEP_FAILED',
      message: /^step b: .*index out of bounds/,
    });
  });

  it('fails the step whose enum or range does not fit at run time', async () => {
    const made = plan(
      '  a:\n    call: embed.Embed\n    with: {texts: [x], dimensions: "${input.n}", pooling: "${input.text}"}',
      '{x: "${steps.a.dimensions}"}',
    );
    await assert.rejects(run(made, createFakeUpstream(standardAnswers()), { n: -1, text: 'POOLING_CLS' }), {
      code: 'FIELD_INVALID',
      message: /steps\.a\.with\.dimensions: must be a whole number/,
    });
    await assert.rejects(run(made, createFakeUpstream(standardAnswers()), { text: 'POOLING_MEEN' }), {
      code: 'FIELD_INVALID',
      message: /must be one of POOLING_/,
    });
  });

  it('refuses an answer that is not a message', async () => {
    const upstream = createFakeUpstream(standardAnswers());
    const broken = {
      ...upstream,
      unary: async () => ({
        response: Buffer.from([0x0a, 0xff, 1]),
        trailers: {},
        instance: 'x',
        attempts: 1,
        cached: false,
      }),
    };
    await assert.rejects(run(plan(count('a'), '{x: "${steps.a.counts[0]}"}'), broken), { code: 'UPSTREAM_INVALID' });
  });

  describe('a pipeline as a step', () => {
    const inner =
      'name: inner\nversion: "1"\ninput: {text: string, weak: {type: bool, default: false}}\nsteps:\n  one:\n    call: tokenize.Count\n    with: {texts: ["${input.text}"]}\n  two:\n    call: embed.Embed\n    with: {texts: ["${input.text}"]}\n    optional: true\noutput:\n  n: "${steps.one.counts[0]}"\n  first: "${steps.one}"\n  v: "${has(steps.two) ? steps.two.dimensions : 0}"\n';
    const outer = '  a:\n    pipeline: inner\n    with: {text: "${input.text}"}';

    it('has the types of its outputs and adds up what it used', async () => {
      const made = plan(outer, '{n: "${steps.a.n + 1}", m: "${steps.a.first.counts[0]}"}', { 'inner.yaml': inner });
      const { output, result } = await run(made, createFakeUpstream(standardAnswers()), { text: 'a b c' });
      assert.deepEqual(output, { n: 4, m: 3 });
      assert.deepEqual(
        [result.reports[0]?.call, result.reports[0]?.attempts, result.usage.inputTokens],
        ['pipeline:inner', 2, 20],
      );
    });

    it('tells of its steps as they run, and reports them below it', async () => {
      const events: string[] = [];
      const made = plan(outer, '{n: "${steps.a.n}"}', { 'inner.yaml': inner });
      const clock = createVirtualClock();
      await clock.advance(70);
      const { result } = await run(
        made,
        createFakeUpstream(standardAnswers()),
        {},
        {
          clock,
          onEvent: (event) =>
            events.push(`${event.kind} ${event.kind === 'finished' ? event.report.name : event.name}`),
        },
      );
      assert.deepEqual(events, [
        'started a',
        'started a.one',
        'started a.two',
        'finished a.one',
        'finished a.two',
        'finished a',
      ]);
      const [a] = result.reports;
      assert.deepEqual(
        a?.inner.map(({ name, call, outcome, model, startedMs }) => [name, call, outcome, model?.name, startedMs]),
        [
          ['a.one', 'tokenize.Count', 'STEP_OUTCOME_OK', 'wordpiece', 0],
          ['a.two', 'embed.Embed', 'STEP_OUTCOME_OK', 'embedder', 0],
        ],
      );
      const list = plan(
        '  a:\n    each: ${input.list}\n    pipeline: inner\n    with: {text: "${item}"}',
        '{n: "${size(steps.a)}"}',
        { 'inner.yaml': inner },
      );
      const many = await run(list, createFakeUpstream(standardAnswers()), { list: Array(600).fill('x') });
      assert.equal(many.result.reports[0]?.attempts, 1_200);
      assert.equal(many.result.reports[0]?.inner.length, 512, 'there is a limit');
      assert.ok(many.result.reports[0]?.inner.some(({ name }) => name === 'a[2].one'));
    });

    it('reports its steps also where it fails', async () => {
      const made = plan(`${outer}\n    optional: true`, '{n: "${has(steps.a)}"}', { 'inner.yaml': inner });
      const { result } = await run(
        made,
        createFakeUpstream({ ...failing(), 'embed.Embed': () => new Promise(() => {}) }),
      );
      const [a] = result.reports;
      assert.deepEqual([a?.outcome, a?.attempts], ['STEP_OUTCOME_FAILED', 2]);
      assert.deepEqual(
        a?.inner.map(({ name, outcome, attempts }) => [name, outcome, attempts]),
        [
          ['a.one', 'STEP_OUTCOME_FAILED', 1],
          ['a.two', 'STEP_OUTCOME_CANCELLED', 1],
        ],
      );
    });

    it('reports its steps also where it is cancelled, before itself', async () => {
      const made = plan(`${outer}\n${count('b', '', 'b')}`, '{n: "${steps.a.n + steps.b.counts[0]}"}', {
        'inner.yaml': inner,
      });
      const finished: unknown[] = [];
      const { answers } = held();
      const upstream = createFakeUpstream({
        ...answers,
        'tokenize.Count': ({ texts }) => {
          if ((texts as string[])[0] === 'b') throw new MeshError('MODEL_UNKNOWN', 'broken');
          return new Promise(() => {});
        },
      });
      const onEvent = (event: RunEvent): void => {
        if (event.kind === 'finished') finished.push([event.report.name, event.report.outcome, event.report.attempts]);
      };
      await assert.rejects(run(made, upstream, {}, { onEvent }), { message: 'step b: broken' });
      assert.deepEqual(finished, [
        ['b', 'STEP_OUTCOME_FAILED', 1],
        ['a.one', 'STEP_OUTCOME_CANCELLED', 1],
        ['a.two', 'STEP_OUTCOME_CANCELLED', 1],
        ['a', 'STEP_OUTCOME_CANCELLED', 2],
      ]);
    });

    it('is from memory where all that it asked for was', async () => {
      const made = plan(outer, '{n: "${steps.a.n}"}', {
        'inner.yaml': inner.replaceAll('with:', 'cache: 1m\n    with:'),
      });
      for (const cached of [true, false]) {
        const upstream = createFakeUpstream(standardAnswers(), {
          cached: (call) => call.cache !== undefined && (cached || call.capability === 'embed'),
        });
        assert.equal((await run(made, upstream)).result.reports[0]?.cached, cached);
      }
    });

    it('degrades the one around it', async () => {
      const made = plan(outer, '{n: "${steps.a.v}"}', { 'inner.yaml': inner });
      const { 'embed.Embed': _none, ...answers } = standardAnswers();
      const { output, result } = await run(made, createFakeUpstream(answers));
      assert.deepEqual([output, result.degraded], [{ n: 0 }, ['a.two']]);
    });

    it('names the inner step that failed', async () => {
      const made = plan(outer, '{n: "${steps.a.n}"}', { 'inner.yaml': inner });
      await assert.rejects(run(made, createFakeUpstream(failing())), { message: 'step a: step one: broken' });
    });
  });

  describe('its input', () => {
    const made = planOf(
      'name: t\nversion: "1"\ninput: {s: string, n: {type: int, default: 3}, d: {type: double, required: false}, b: {type: bool, required: false}, l: {type: list<int>, default: []}}\nsteps: {a: {value: "${input.n}"}}\noutput: {s: "${input.s}", n: "${steps.a}", d: "${input.d}", l: "${input.l}"}\n',
    );
    const upstream = createFakeUpstream({});

    it('is filled with defaults', async () => {
      assert.deepEqual((await run(made, upstream, { s: 'x' })).output, { s: 'x', n: 3, l: [] });
      assert.deepEqual((await run(made, upstream, { s: 'x', n: 4, d: 0.5, l: [1, 2] })).output, {
        s: 'x',
        n: 4,
        d: 0.5,
        l: [1, 2],
      });
    });

    for (const [what, input, code, field] of [
      ['a missing field', {}, 'PIPELINE_INPUT_INVALID', 'input.s'],
      ['an unknown field', { s: 'x', m: 1 }, 'PIPELINE_INPUT_INVALID', 'input.m'],
      ['another type', { s: 1 }, 'PIPELINE_INPUT_INVALID', 'input.s'],
      ['NaN', { s: 'x', d: Number.NaN }, 'PIPELINE_INPUT_INVALID', 'input.d'],
      ['a fraction as int', { s: 'x', n: 1.5 }, 'PIPELINE_INPUT_INVALID', 'input.n'],
      ['a wrong item', { s: 'x', l: [1, 'two'] }, 'PIPELINE_INPUT_INVALID', 'input.l[1]'],
      ['a text of 10 MB', { s: 'x'.repeat(10_000_000) }, 'TEXT_TOO_LONG', 'input.s'],
      ['100,000 items', { s: 'x', l: new Array(100_000).fill(1) }, 'TOO_MANY_ITEMS', 'input.l'],
    ] as const) {
      it(`is refused with ${what}`, async () => {
        await assert.rejects(run(made, upstream, input as Record<string, unknown>), (error: MeshError) => {
          assert.equal(error.code, code);
          assert.equal(error.violations[0]?.field, field);
          return true;
        });
      });
    }
  });
});
