/** plexus.v1.Summarize: Summarize, SummarizeStream. */
import { setMaxListeners } from 'node:events';
import type { CallContext } from '../../chassis/call.js';
import type { Clock } from '../../chassis/clock.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import type { Finish } from '../../inference/generate/index.js';
import type { Hub, RunOptions } from '../../inference/index.js';
import type { SummarizeHandlers } from '../../protos/gen/plexus/v1/Summarize.js';
import type { SummarizeResponse } from '../../protos/gen/plexus/v1/SummarizeResponse.js';
import type { SummarizeStreamResponse } from '../../protos/gen/plexus/v1/SummarizeStreamResponse.js';
import type { Summary } from '../../protos/gen/plexus/v1/Summary.js';
import { answer, slowest, withModel } from '../answer.js';
import { checkSummarize, checkSummarizeStream, resolveSummarize } from './check.js';
import type { Summarized, SummarizeModel } from './model.js';
import { inCompany } from './parts.js';

export interface SummarizeDeps {
  hub: Hub<SummarizeModel>;
  instance: string;
  clock: Clock;
  /** Texts of one request worked on at the same time. */
  textsTogether: number;
}

const FINISH = {
  eos: 'FINISH_REASON_EOS',
  length: 'FINISH_REASON_LENGTH',
  stop: 'FINISH_REASON_STOP',
  repetition: 'FINISH_REASON_REPETITION',
} as const satisfies Record<Finish, string>;

export function createSummarizeService(deps: SummarizeDeps): ServiceBinding {
  const { hub, clock, textsTogether } = deps;

  const respond = (
    context: CallContext,
    { manifest, mode }: SummarizeModel,
    startedMs: number,
    done: readonly Summarized[],
  ): SummarizeResponse => {
    const sum = (pick: (each: Summarized) => number): number => done.reduce((total, each) => total + pick(each), 0);
    const usage = { texts: done.length, inputTokens: sum(({ inputTokens }) => inputTokens) };
    const timings = slowest(Math.max(0, ...done.map((each) => each.timings.tokenizeMs)), done);
    const common = answer(deps, context, manifest, startedMs, usage, timings);
    return {
      ...common,
      usage: { ...common.usage, outputTokens: sum(({ outputTokens }) => outputTokens) },
      summaries: done.map((each) => toSummary(each, mode)),
    };
  };

  return implement<SummarizeHandlers>('plexus.v1.Summarize', {
    async Summarize(request, context) {
      const startedMs = clock.monotonic();
      const asked = checkSummarize(request);
      return withModel(hub, request.model, async (model) => {
        const options = asked.texts.map((_text, index) => resolveSummarize(asked, model, index));
        for (const each of options.slice(0, 1)) model.check(each); // the same for every text
        const failed = new AbortController();
        const run = { ...ofCall(context, failed.signal), caller: model.newCaller() };
        try {
          const done = await inCompany(asked.texts, textsTogether, (text, index) =>
            model.summarize(text, options[index] as (typeof options)[number], run),
          );
          return respond(context, model, startedMs, done);
        } catch (error) {
          failed.abort(error); // the answer is this error: what the other texts still cost would be for nobody
          throw error;
        }
      });
    },

    async *SummarizeStream(request, context): AsyncGenerator<SummarizeStreamResponse> {
      const startedMs = clock.monotonic();
      const asked = checkSummarizeStream(request);
      const failed = new AbortController();
      const lease = hub.lease(request.model);
      try {
        const { model } = lease;
        const options = resolveSummarize(asked, model, 0);
        model.check(options);
        const run = { ...ofCall(context, failed.signal), caller: model.newCaller() };
        for await (const event of model.stream(asked.texts[0] as string, options, run)) {
          if (event.at === 'delta') yield { delta: event.text };
          else yield { done: respond(context, model, startedMs, [event.summarized]) };
        }
      } catch (error) {
        failed.abort(error); // one part has failed: the others would be written for nobody
        throw error;
      } finally {
        lease.release();
      }
    },
  });
}

function toSummary(done: Summarized, mode: SummarizeModel['mode']): Summary {
  return {
    text: done.text,
    mode: mode === 'extractive' ? 'SUMMARIZE_MODE_EXTRACTIVE' : 'SUMMARIZE_MODE_ABSTRACTIVE',
    spans: done.spans,
    coverage: done.coverage,
    finishReason: done.finish ? FINISH[done.finish] : 'FINISH_REASON_UNSPECIFIED',
    sequences: done.sequences.map(({ finish, score, ...sequence }) => ({
      ...sequence,
      ...(score !== undefined && { score }),
      finishReason: FINISH[finish],
    })),
    warnings: done.warnings,
    ...(done.faithfulness !== undefined && { faithfulness: done.faithfulness }),
  };
}

/** What of a call goes with its texts to the model. They end with the call, and all of them when one has failed. */
function ofCall({ signal: left, deadlineMs, tenant, criticality }: CallContext, failed: AbortSignal): RunOptions {
  const signal = AbortSignal.any([left, failed]);
  setMaxListeners(0, signal); // every text of the request waits on it, and every part of a text
  return { signal, deadlineMs, tenant, criticality };
}
