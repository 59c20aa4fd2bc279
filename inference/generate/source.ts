/**
 * From prompts to what an encoder-decoder keeps of them: through the encoder, and through the part of the decoder that makes keys and
 * values of its output. In a thread of its own (source-worker.ts), so that those who decode do not wait while a prompt is read.
 */
import { Worker } from 'node:worker_threads';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { type GraphInput, inputsOf, openSession, whole } from './graph.js';

const ENCODER_INPUTS: ReadonlySet<string> = new Set(['input_ids', 'attention_mask']);
const CROSS_INPUTS: ReadonlySet<string> = new Set(['encoder_hidden_states', 'encoder_attention_mask', 'input_ids']);

/** What opens both graphs; plain data. */
export interface SourceStart {
  encoderFile: string;
  /** The graph that is cut out of the decoder. */
  cross: Uint8Array;
  /** Where weights lie that `cross` keeps in other files. */
  folder: string;
  /** Its outputs, in the order of the cache. */
  outputs: readonly string[];
  threads: number;
  padId: number;
}

/** One tensor of what was read, as data that goes from thread to thread. */
export interface SourcePart {
  type: 'float32' | 'float16';
  data: Float32Array | Uint16Array;
  dims: readonly number[];
}

export interface Source {
  read(prompts: readonly (readonly number[])[]): Promise<SourcePart[]>;
  close(): Promise<void>;
}

export interface Encoder {
  session: InferenceSession;
  inputs: ReadonlyMap<string, GraphInput>;
}

export async function openEncoder(file: string, threads: number): Promise<Encoder> {
  const session = await openSession(file, threads);
  return { session, inputs: inputsOf(session, 'the encoder', (name) => ENCODER_INPUTS.has(name)) };
}

/** Prompts in one batch through the encoder. */
export async function encode(
  { session, inputs }: Encoder,
  padId: number,
  prompts: readonly (readonly number[])[],
): Promise<{ hidden: Tensor; mask: Tensor; source: number }> {
  const source = Math.max(...prompts.map((prompt) => prompt.length));
  const ids = new Int32Array(prompts.length * source).fill(padId);
  for (const [row, prompt] of prompts.entries()) ids.set(prompt, row * source);
  const lengths = prompts.map((prompt) => prompt.length);
  const mask = maskOf(lengths, source, inputs.get('attention_mask'));
  const encoded = await session.run(
    {
      input_ids: whole(inputs.get('input_ids'), ids, [prompts.length, source]),
      ...(inputs.has('attention_mask') && { attention_mask: mask }),
    },
    ['last_hidden_state'],
  );
  return { hidden: encoded.last_hidden_state as Tensor, mask, source };
}

/** 1 where a row has a source token. */
export function maskOf(sources: readonly number[], source: number, input: GraphInput | undefined): Tensor {
  const mask = new Int32Array(sources.length * source);
  for (const [row, tokens] of sources.entries()) mask.fill(1, row * source, row * source + tokens);
  return whole(input, mask, [sources.length, source]);
}

/** Both graphs in this thread. */
export async function openSource({
  encoderFile,
  cross,
  folder,
  outputs,
  threads,
  padId,
}: SourceStart): Promise<Source> {
  const encoder = await openEncoder(encoderFile, threads);
  const session = await openSession(cross, threads, folder);
  const inputs = inputsOf(session, 'the projection of the source', (name) => CROSS_INPUTS.has(name));
  return {
    async read(prompts) {
      const { hidden, mask } = await encode(encoder, padId, prompts);
      const feeds: Record<string, Tensor> = {};
      if (inputs.has('encoder_hidden_states')) feeds.encoder_hidden_states = hidden;
      if (inputs.has('encoder_attention_mask')) feeds.encoder_attention_mask = mask;
      // Some exports take the number of rows from it, and nothing else.
      if (inputs.has('input_ids')) {
        const ids = new Array<number>(prompts.length).fill(padId);
        feeds.input_ids = whole(inputs.get('input_ids'), ids, [prompts.length, 1]);
      }
      const results = await session.run(feeds, outputs);
      hidden.dispose();
      return outputs.map((name) => {
        const tensor = results[name] as Tensor;
        return { type: tensor.type as SourcePart['type'], data: tensor.data as SourcePart['data'], dims: tensor.dims };
      });
    },
    async close() {
      await encoder.session.release();
      await session.release();
    },
  };
}

export type ToSource = { at: 'read'; id: number; prompts: readonly (readonly number[])[] } | { at: 'leave' };
export type FromSource =
  | { at: 'ready' }
  | { at: 'read'; id: number; parts: SourcePart[] }
  | { at: 'failed'; id: number; reason: string };

const WORKER = new URL('./source-worker.js', import.meta.url);

/** Both graphs in a thread of their own. `lost` hears when it ends by itself; what was under way has failed then. */
export async function startSource(start: SourceStart, lost: (reason: string) => void): Promise<Source> {
  const worker = new Worker(WORKER, { workerData: start, resourceLimits: { maxYoungGenerationSizeMb: 8 } });
  const waiting = new Map<number, { resolve: (parts: SourcePart[]) => void; reject: (error: Error) => void }>();
  let nextId = 1;
  let closing = false;
  let fail = (_error: Error): void => {};
  const end = (reason: string): void => {
    if (closing) return;
    closing = true;
    const error = new Error(`the thread that reads prompts was lost: ${reason}`);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    fail(error);
    lost(error.message);
  };
  worker.on('error', (error) => end(error instanceof Error ? error.message : String(error)));
  worker.on('exit', (code) => end(`ended with code ${code}`));
  await new Promise<void>((resolve, reject) => {
    fail = reject;
    worker.on('message', (message: FromSource) => {
      if (message.at === 'ready') {
        resolve();
        return;
      }
      const heard = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.at === 'read') heard?.resolve(message.parts);
      else heard?.reject(new Error(message.reason));
    });
  });
  return {
    read: (prompts) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ at: 'read', id, prompts } satisfies ToSource);
      }),
    // Asked to end, never ended from outside: that aborts the process while onnxruntime runs.
    close: () =>
      new Promise((resolve) => {
        if (closing) return resolve();
        closing = true;
        worker.once('exit', () => resolve());
        worker.postMessage({ at: 'leave' } satisfies ToSource);
      }),
  };
}
