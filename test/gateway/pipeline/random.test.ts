/** Whatever the graph and whatever fails: a run ends once, every step is told of once, and nothing is left running. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MeshError } from '../../../chassis/errors.js';
import type { RunEvent } from '../../../gateway/pipeline/index.js';
import { createVirtualClock } from '../../kit/clock.js';
import { createFakeUpstream } from './fake-upstream.js';
import { planOf, run } from './kit.js';

interface RandomStep {
  reads: number[];
  guarded: boolean;
  when: 'always' | 'never' | 'by step';
  fallback: 'none' | 'skip' | 'constant' | 'reads';
  shown: boolean;
  fails: boolean;
  ms: number;
}

const step = fc.record<RandomStep>({
  reads: fc.array(fc.nat(20), { maxLength: 3 }),
  guarded: fc.boolean(),
  when: fc.constantFrom('always', 'always', 'never', 'by step'),
  fallback: fc.constantFrom('none', 'skip', 'constant', 'reads'),
  shown: fc.boolean(),
  fails: fc.boolean(),
  ms: fc.nat(50),
});

function yamlOf(steps: readonly RandomStep[]): string {
  const lines = steps.map(({ reads, guarded, when, fallback }, index) => {
    const before = [...new Set(reads.map((read) => read % Math.max(index, 1)))].filter((read) => read < index);
    const texts = before.map((read) =>
      guarded
        ? `\${has(steps.s${read}) ? string(steps.s${read}.counts[0]) : "none"}`
        : `\${string(steps.s${read}.counts[0])}`,
    );
    const condition =
      when === 'never'
        ? '${false}'
        : when === 'by step' && before.length > 0
          ? `\${steps.s${before[0]}.counts[0] > 5}`
          : undefined;
    return [
      `  s${index}:`,
      '    call: tokenize.Count',
      `    with: {texts: ${JSON.stringify([`s${index}`, ...texts])}}`,
      ...(condition ? [`    when: "${condition}"`] : []),
      ...(fallback === 'skip'
        ? ['    fallback: skip']
        : fallback === 'constant'
          ? ['    fallback: {value: {counts: [1]}}']
          : fallback === 'reads' && index > 0
            ? [`    fallback: {value: {counts: ["\${steps.s${(reads[0] ?? 0) % index}.counts[0]}"]}}`]
            : []),
    ].join('\n');
  });
  const outputs = steps.flatMap(({ shown }, index) =>
    shown ? [`  o${index}: "\${has(steps.s${index}) ? steps.s${index}.counts[0] : -1}"`] : [],
  );
  const sum = steps.flatMap(({ shown }, index) => (shown ? [] : [`steps.s${index}.counts[0]`]));
  if (sum.length > 0) outputs.push(`  sum: "\${${sum.join(' + ')}}"`);
  return `name: t\nversion: "1"\nsteps:\n${lines.join('\n')}\noutput:\n${outputs.join('\n')}\n`;
}

describe('any pipeline', () => {
  it('ends once, tells of every step once, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 9 }), fc.nat(200), async (steps, deadline) => {
        const plan = planOf(yamlOf(steps));
        const clock = createVirtualClock();
        let inFlight = 0;
        let ended = false;
        const upstream = createFakeUpstream({
          'tokenize.Count': async ({ texts }, { signal }) => {
            assert.equal(ended, false, 'no call begins after the end');
            const index = Number(String((texts as string[])[0]).slice(1));
            const { fails = false, ms = 0 } = steps[index] ?? {};
            inFlight++;
            try {
              await new Promise<void>((resolve, reject) => {
                const cancel = clock.after(ms, resolve);
                signal.addEventListener('abort', () => {
                  cancel();
                  reject(signal.reason);
                });
              });
            } finally {
              inFlight--;
            }
            if (fails) throw new MeshError('MODEL_UNKNOWN', `s${index} fails`);
            return { counts: [index] };
          },
        });
        const events: RunEvent[] = [];
        const signal = new AbortController();
        if (deadline < 100) clock.after(deadline, () => signal.abort(new MeshError('DEADLINE_EXCEEDED', 'late')));
        const running = run(
          plan,
          upstream,
          {},
          { clock, signal: signal.signal, onEvent: (event) => events.push(event) },
        ).then(
          (result) => ({ result }),
          (error: MeshError) => ({ error }),
        );
        void running.then(() => {
          ended = true;
        });
        await clock.advance(1_000);
        const outcome = await running;
        await clock.advance(0);
        assert.equal(inFlight, 0, 'nothing is left running');
        assert.equal(clock.pending, 0, 'no timer is left');
        const finished = events.flatMap((event) => (event.kind === 'finished' ? [event.report.name] : []));
        assert.deepEqual([...finished].sort(), plan.steps.map(({ name }) => name).sort());
        if ('error' in outcome)
          assert.ok(['MODEL_UNKNOWN', 'DEADLINE_EXCEEDED'].includes(outcome.error.code), outcome.error.message);
        else {
          const { outcomes, output } = outcome.result;
          for (const [name, one] of Object.entries(outcomes)) {
            const given = output[name.replace('s', 'o')];
            if (given !== undefined)
              assert.equal(given !== -1, one === 'OK' || one === 'FALLBACK', `${name} is ${one}`);
          }
          const hidden = steps.flatMap(({ shown }, index) => (shown ? [] : [outcomes[`s${index}`]]));
          if (hidden.length > 0)
            assert.equal(
              'sum' in output,
              hidden.every((one) => one === 'OK' || one === 'FALLBACK'),
            );
        }
      }),
      { numRuns: 80 },
    );
  });
});
