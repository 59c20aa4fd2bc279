/** plexus.v1.Pipelines: runs, lists, describes, validates and explains what the library has. The wire form of runs is made here. */
import type { CallContext } from '../../chassis/call.js';
import { type Clock, systemClock } from '../../chassis/clock.js';
import { fieldError, MeshError } from '../../chassis/errors.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import { toMeshError } from '../../chassis/status.js';
import { fromStruct, toStruct } from '../../chassis/struct.js';
import type { PipelineInfo } from '../../protos/gen/plexus/v1/PipelineInfo.js';
import type { PipelinesHandlers } from '../../protos/gen/plexus/v1/Pipelines.js';
import type { Problem as WireProblem } from '../../protos/gen/plexus/v1/Problem.js';
import type { RunResponse } from '../../protos/gen/plexus/v1/RunResponse.js';
import type { RunStreamResponse } from '../../protos/gen/plexus/v1/RunStreamResponse.js';
import type { StepReport as WireReport } from '../../protos/gen/plexus/v1/StepReport.js';
import { forwarded } from '../api/metadata.js';
import type { CallUpstream } from './attempt.js';
import { pushEvent } from './events.js';
import { explainMermaid, explainRun, explainText } from './explain.js';
import type { Library } from './library.js';
import { toPlain } from './output.js';
import type { Plan } from './plan.js';
import type { StepReport } from './report.js';
import { type RunEvent, type RunResult, runPlan } from './run.js';
import { SOURCE_MAX } from './source.js';

/** Names in the trailer: metadata has little room, and the reports say them all. */
const DEGRADED_MAX = 32;

export interface PipelinesOptions {
  library: Library;
  upstream: CallUpstream;
  clock?: Clock;
  /** 0 to 1. */
  random?: () => number;
}

export function createPipelinesService(options: PipelinesOptions): ServiceBinding {
  const { library, upstream, clock = systemClock, random = Math.random } = options;

  const run = (
    plan: Plan,
    input: Parameters<typeof fromStruct>[0],
    context: CallContext,
    onEvent?: (event: RunEvent) => void,
  ): Promise<RunResult> =>
    runPlan({
      plan,
      input: fromStruct(input, 'input'),
      upstream,
      clock,
      random,
      metadata: forwarded(context),
      deadlineMs: context.deadlineMs,
      signal: context.signal,
      ...(onEvent && { onEvent }),
    });

  return implement<PipelinesHandlers>('plexus.v1.Pipelines', {
    async Run({ pipeline, input }, context) {
      const result = await run(named(library, pipeline), input, context);
      tellDegraded(result, context);
      return toResponse(result);
    },
    async *RunStream({ pipeline, input }, context) {
      const plan = named(library, pipeline);
      const events: RunStreamResponse[] = [];
      let wake = (): void => {};
      // The run is told to stop where the reader leaves before its end.
      const left = new AbortController();
      const signal = AbortSignal.any([context.signal, left.signal]);
      let outcome: { result: RunResult } | { error: MeshError } | undefined;
      void run(plan, input, { ...context, signal }, (event) => {
        pushEvent(events, toEvent(event));
        wake();
      }).then(
        (result) => {
          outcome = { result };
          wake();
        },
        (error: unknown) => {
          outcome = { error: toMeshError(error) };
          wake();
        },
      );
      try {
        for (;;) {
          const event = events.shift();
          if (event) yield event;
          else if (outcome) break;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
        if ('error' in outcome) throw outcome.error;
        tellDegraded(outcome.result, context);
        yield { event: 'done', done: toResponse(outcome.result) };
      } finally {
        left.abort(new MeshError('CANCELLED', 'the caller went away'));
      }
    },
    List: () => ({ pipelines: library.list().map(info) }),
    Describe({ pipeline }) {
      const plan = named(library, pipeline);
      return {
        info: info(plan),
        inputs: plan.inputs.map(({ name, type, required, description }) => ({ name, type, required, description })),
        outputs: plan.outputs.map(({ name, type, required }) => ({ name, type, required, description: '' })),
        steps: plan.steps.map(({ name, call, needs, when }) => ({
          name,
          call,
          after: [...needs],
          when: when?.text ?? '',
        })),
        yaml: plan.yaml,
      };
    },
    Validate({ yaml }) {
      if (yaml === '') throw fieldError('FIELD_REQUIRED', 'yaml', 'must be given: the text of a pipeline');
      if (yaml.length > SOURCE_MAX)
        throw fieldError('TEXT_TOO_LONG', 'yaml', `must be at most ${SOURCE_MAX} characters, has ${yaml.length}`, {
          limit: String(SOURCE_MAX),
        });
      const { plan, problems } = library.check('(request)', yaml);
      return {
        valid: plan !== undefined,
        problems: problems.map(({ line, column, path, message, suggestion }) => ({
          line,
          column,
          path,
          message,
          suggestion,
        })),
      };
    },
    async Explain({ pipeline, analyze, input }, context) {
      const plan = named(library, pipeline);
      if (!analyze) return { text: explainText(plan), mermaid: explainMermaid(plan) };
      const result = await run(plan, input, context);
      tellDegraded(result, context);
      return {
        text: `${explainText(plan)}\n${explainRun(plan, result)}`,
        mermaid: explainMermaid(plan, result),
        run: toResponse(result),
      };
    },
  });
}

function named(library: Library, pipeline: string): Plan {
  if (pipeline === '')
    throw fieldError(
      'FIELD_REQUIRED',
      'pipeline',
      `must be given: ${
        library
          .list()
          .map(({ name }) => name)
          .join(', ') || 'none is installed'
      }`,
    );
  return library.get(pipeline);
}

function tellDegraded({ degraded }: RunResult, context: CallContext): void {
  if (degraded.length === 0) return;
  const left = degraded.length - DEGRADED_MAX;
  const names = degraded.slice(0, DEGRADED_MAX).join(',');
  context.setTrailer('x-plexus-degraded', left > 0 ? `${names},and ${left} more` : names);
}

function info({ name, version, description }: Plan): PipelineInfo {
  return { name, version, description };
}

/** The message of a finished run. */
export function toResponse(result: RunResult): RunResponse {
  const { plan, output, reports, degraded, usage, totalMs } = result;
  const plain = toPlain(output) as Record<string, ReturnType<typeof toPlain>>;
  return {
    pipeline: plan.name,
    version: plan.version,
    output: toStruct(plain),
    steps: reports.flatMap((report) => [report, ...report.inner]).map(toReport),
    degraded: degraded.length > 0,
    usage,
    totalMs,
  };
}

function toReport({ model, timings, problem, inner: _flattened, ...report }: StepReport): WireReport {
  return { ...report, model: model ?? null, timings: timings ?? null, problem: problem ? toProblem(problem) : null };
}

function toProblem(error: MeshError): WireProblem {
  const { code, message, violations, retryable, retryAfterMs } = error;
  const retryAfter =
    retryAfterMs === undefined
      ? null
      : { seconds: Math.floor(retryAfterMs / 1000), nanos: Math.round((retryAfterMs % 1000) * 1e6) };
  return { code, message, field: violations[0]?.field ?? '', retryable, retryAfter };
}

function toEvent(event: RunEvent): RunStreamResponse {
  switch (event.kind) {
    case 'started':
      return { event: 'started', started: { name: event.name, call: event.call, startedMs: event.startedMs } };
    case 'partial':
      return { event: 'partial', partial: { name: event.name, delta: event.delta, item: event.item } };
    case 'finished':
      return { event: 'finished', finished: toReport(event.report) };
  }
}
