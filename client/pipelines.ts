/**
 * Pipelines by name, with the types that `plexus pipelines codegen` writes: `createClient<Pipelines>(address)` has a `run` that
 * does not compile where a field is misnamed, missing or of another type. Without them inputs and outputs are plain objects.
 */
import type { CallSettings, Channel, Method } from '../chassis/channel.js';
import { fromStruct, type Json, toStruct, UNLIMITED } from '../chassis/struct.js';
import type { RunRequest } from '../protos/gen/plexus/v1/RunRequest.js';
import type { RunResponse__Output } from '../protos/gen/plexus/v1/RunResponse.js';
import type { RunStreamResponse__Output } from '../protos/gen/plexus/v1/RunStreamResponse.js';
import { definition } from '../protos/index.js';

/** What the generated `Pipelines` is: input and output by name. */
export type PipelineTypes<Pipelines> = { [Name in keyof Pipelines]: { input: object; output: object } };

/** Where no types are given: any name, any fields. */
export interface AnyPipelines {
  [name: string]: { input: Readonly<Record<string, Json | undefined>>; output: Record<string, Json> };
}

/** RunResponse, its output as the pipeline writes it. */
export type PipelineAnswer<Output> = Omit<RunResponse__Output, 'output'> & { output: Output };

/** RunStreamResponse, its last event with the output as the pipeline writes it. */
export type PipelineEvent<Output> = Omit<RunStreamResponse__Output, 'done'> & {
  done?: PipelineAnswer<Output> | null;
};

/** Newest version of a pipeline; its input is checked by the gateway too (PIPELINE_INPUT_INVALID names the field). */
export interface PipelineCalls<Pipelines extends PipelineTypes<Pipelines>, Options> {
  run<Name extends keyof Pipelines & string>(
    name: Name,
    input: Pipelines[Name]['input'],
    options?: Options,
  ): Promise<PipelineAnswer<Pipelines[Name]['output']>>;
  /** The same with events of the steps and partial text as they come; `done` is the last. */
  runStream<Name extends keyof Pipelines & string>(
    name: Name,
    input: Pipelines[Name]['input'],
    options?: Options,
  ): AsyncIterable<PipelineEvent<Pipelines[Name]['output']>>;
}

export function pipelineCalls<Pipelines extends PipelineTypes<Pipelines>, Options>(
  channel: Channel,
  settings: (options?: Options) => CallSettings,
): PipelineCalls<Pipelines, Options> {
  const methods = definition('plexus.v1.Pipelines');
  const runMethod = methods.Run as unknown as Method<RunRequest, RunResponse__Output>;
  const streamMethod = methods.RunStream as unknown as Method<RunRequest, RunStreamResponse__Output>;
  return {
    async run(pipeline, input, options) {
      const { response } = await channel.unary(runMethod, request(pipeline, input), settings(options));
      return answer(response);
    },
    async *runStream(pipeline, input, options) {
      const events = channel.serverStream(streamMethod, request(pipeline, input), settings(options));
      for await (const { done, ...event } of events) yield done ? { ...event, done: answer(done) } : event;
    },
  };
}

function request(pipeline: string, input: object): RunRequest {
  return { pipeline, input: toStruct(input as Readonly<Record<string, Json>>) };
}

/** The types were made of the pipeline itself, which the gateway checked; an older gateway may answer otherwise. */
function answer<Output>({ output, ...response }: RunResponse__Output): PipelineAnswer<Output> {
  return { ...response, output: { ...fromStruct(output, 'output', UNLIMITED) } as Output };
}
