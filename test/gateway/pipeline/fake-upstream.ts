/**
 * An upstream that answers from plain functions, as bytes like the real one: requests and answers are proto3 JSON. Records
 * every call, honours signals, and can hold answers back until the test lets them go.
 */
import { fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import { descriptors } from '../../../chassis/descriptors.js';
import { abortReason, MeshError } from '../../../chassis/errors.js';
import type { CallUpstream } from '../../../gateway/pipeline/index.js';
import type { Trail, UpstreamAnswer, UpstreamCall, UpstreamStream } from '../../../gateway/upstream/call.js';

type Plain = Record<string, JsonValue>;

/** Where calls were sent to, for their trail: pipelines only count them. */
const INSTANCE = {} as Trail['tried'][number];

/** By "embed.Embed". A promise holds the answer back; an array is a stream. */
export type Answers = Record<
  string,
  (request: Plain, call: UpstreamCall, count: number) => Plain | Plain[] | Promise<Plain>
>;

export interface FakeUpstream extends CallUpstream {
  readonly calls: { method: string; request: Plain; call: UpstreamCall }[];
  /** Calls whose signal aborted before they were answered. */
  readonly cancelled: string[];
  /** Streams that were read to their end. */
  readonly readToEnd: string[];
  /** Requests of one method, in order. */
  of(method: string): Plain[];
}

export function createFakeUpstream(
  answers: Answers,
  options: { cached?: (call: UpstreamCall) => boolean } = {},
): FakeUpstream {
  const calls: FakeUpstream['calls'] = [];
  const cancelled: string[] = [];
  const readToEnd: string[] = [];

  const begin = (
    call: UpstreamCall,
  ): { label: string; answer: Plain | Plain[] | Promise<Plain>; encode: (plain: Plain) => Buffer } => {
    const [service = '', name = ''] = call.method.split('/');
    const method = descriptors()
      .getService(service)
      ?.methods.find((each) => each.name === name);
    if (!method) throw new Error(`no method ${call.method}`);
    const label = `${call.capability}.${name}`;
    const request = toJson(method.input, fromBinary(method.input, call.request)) as Plain;
    calls.push({ method: label, request, call });
    const count = calls.filter((each) => each.method === label).length;
    const handler = answers[label];
    if (!handler) throw new MeshError('NO_INSTANCE', `no healthy instance of ${call.capability}`);
    if (call.trail && !options.cached?.(call)) call.trail.tried.push(INSTANCE);
    return {
      label,
      answer: handler(request, call, count),
      encode: (plain) => Buffer.from(toBinary(method.output, fromJson(method.output, plain))),
    };
  };

  return {
    calls,
    cancelled,
    readToEnd,
    of: (method) => calls.filter((each) => each.method === method).map(({ request }) => request),
    unary: (call) =>
      new Promise<UpstreamAnswer>((resolve, reject) => {
        if (call.signal.aborted) return reject(abortReason(call.signal));
        const { label, answer, encode } = begin(call);
        const onAbort = (): void => {
          cancelled.push(label);
          reject(abortReason(call.signal));
        };
        call.signal.addEventListener('abort', onAbort);
        Promise.resolve(answer).then(
          (plain) => {
            call.signal.removeEventListener('abort', onAbort);
            const cached = options.cached?.(call) ?? false;
            resolve({
              response: encode(plain as Plain),
              trailers: {},
              instance: `${call.capability}-1`,
              attempts: cached ? 0 : 1,
              cached,
            });
          },
          (error) => {
            call.signal.removeEventListener('abort', onAbort);
            reject(error);
          },
        );
      }),
    serverStream(call): UpstreamStream {
      async function* events(): AsyncGenerator<Buffer> {
        const { label, answer, encode } = begin(call);
        for (const plain of answer as Plain[]) {
          if (call.signal.aborted) throw abortReason(call.signal);
          yield encode(plain);
        }
        readToEnd.push(label);
      }
      return Object.assign(events(), { instance: `${call.capability}-1`, attempts: 1, trailers: {} });
    },
  };
}

/** `model`, `usage` and `timings` as every answer has them. */
export function served(name: string, texts = 1): Plain {
  return {
    model: { name, version: '1', digest: 'sha256:00', instance: '' },
    usage: { texts, inputTokens: texts * 10 },
    timings: { totalMs: 2, computeMs: 1, batchSize: texts },
  };
}

/** Plausible answers for every capability: token counts are words, vectors have 4 dimensions. */
export function standardAnswers(): Record<string, (request: Plain) => Plain | Plain[]> {
  const texts = (request: Plain): string[] => (request.texts ?? []) as string[];
  return {
    'tokenize.Count': (request) => ({
      ...served('wordpiece'),
      counts: texts(request).map((text) => text.split(/\s+/).length),
    }),
    'tokenize.Chunk': (request) => ({
      ...served('wordpiece'),
      chunks: String(request.text)
        .split('. ')
        .map((text) => ({ text, tokens: text.split(' ').length })),
    }),
    'embed.Embed': (request) => ({
      ...served('embedder', texts(request).length),
      embeddings: texts(request).map((text) => ({ values: [text.length, 0.5, 0, 1], tokens: 3 })),
      dimensions: 4,
    }),
    'classify.Classify': (request) => ({
      ...served(String(request.model ?? 'default')),
      classifications: texts(request).map(() => ({
        labels:
          request.model === 'langid'
            ? [{ label: 'en', score: 0.9 }]
            : [
                { label: 'positive', score: 0.75 },
                { label: 'negative', score: 0.25 },
              ],
      })),
    }),
    'classify.ZeroShot': (request) => ({
      ...served('embedder'),
      classifications: texts(request).map(() => ({
        labels: (request.labels as string[]).map((label, index) => ({ label, score: 0.5 / (index + 1) })),
      })),
    }),
    'summarize.Summarize': (request) => ({
      ...served('summarizer'),
      summaries: texts(request).map((text) => ({ text: `short: ${text.slice(0, 10)}` })),
    }),
    'summarize.SummarizeStream': (request) => [
      { delta: 'short: ' },
      { delta: String(request.text).slice(0, 10) },
      { done: { ...served('summarizer'), summaries: [{ text: `short: ${String(request.text).slice(0, 10)}` }] } },
    ],
  };
}
