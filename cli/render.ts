/** Responses for people: what was asked for first, who answered and how long it took last. */
import type { ClassifyResponse__Output } from '../protos/gen/plexus/v1/ClassifyResponse.js';
import type { ClassifyTokensResponse__Output } from '../protos/gen/plexus/v1/ClassifyTokensResponse.js';
import type { DescribeModelResponse__Output } from '../protos/gen/plexus/v1/DescribeModelResponse.js';
import type { EmbedResponse__Output } from '../protos/gen/plexus/v1/EmbedResponse.js';
import type { EmbedSparseResponse__Output } from '../protos/gen/plexus/v1/EmbedSparseResponse.js';
import type { EncodeResponse__Output } from '../protos/gen/plexus/v1/EncodeResponse.js';
import type { InferResponse__Output } from '../protos/gen/plexus/v1/InferResponse.js';
import type { RerankResponse__Output } from '../protos/gen/plexus/v1/RerankResponse.js';
import type { ServedModel__Output } from '../protos/gen/plexus/v1/ServedModel.js';
import type { SummarizeResponse__Output } from '../protos/gen/plexus/v1/SummarizeResponse.js';
import type { TensorDescription__Output } from '../protos/gen/plexus/v1/TensorDescription.js';
import type { Timings__Output } from '../protos/gen/plexus/v1/Timings.js';
import type { Usage__Output } from '../protos/gen/plexus/v1/Usage.js';
import { table } from './table.js';

const RENDERERS: Record<string, (response: never, request: Record<string, unknown>) => string> = {
  'tokenize.encode': ({ encodings }: EncodeResponse__Output) =>
    encodings
      .map(({ ids, tokens, utf16Start, utf16End }) =>
        table(
          ['id', 'token', 'span'],
          ids.map((id, index) => [String(id), tokens[index] ?? '', `${utf16Start[index]}-${utf16End[index]}`]),
        ),
      )
      .join('\n\n'),
  'embed.embed': ({ embeddings, dimensions }: EmbedResponse__Output) =>
    embeddings
      .map(({ values, tokens, truncated }) => {
        const shown = values
          .slice(0, 8)
          .map((value) => value.toFixed(4))
          .join(', ');
        return `[${shown}${values.length > 8 ? ', …' : ''}]  ${dimensions} dimensions, ${tokens} tokens${truncated ? ', cut' : ''}`;
      })
      .join('\n'),
  'classify.classify': classifications,
  'classify.classifyPairs': classifications,
  'classify.zeroShot': classifications,
  'classify.rerank': ({ results }: RerankResponse__Output) =>
    table(
      ['text', 'score'],
      results.map(({ index, score }) => [String(index), score.toFixed(4)]),
    ),
  'classify.classifyTokens': ({ classifications: all }: ClassifyTokensResponse__Output) =>
    all
      .map(({ entities }) =>
        table(
          ['entity', 'text', 'span', 'score'],
          entities.map((each) => [each.label, each.text, `${each.utf16Start}-${each.utf16End}`, each.score.toFixed(4)]),
        ),
      )
      .join('\n\n'),
  'embed.embedSparse': ({ embeddings }: EmbedSparseResponse__Output) =>
    embeddings
      .map(({ ids, weights, vocabulary }) =>
        table(
          ['token', 'weight'],
          ids.slice(0, 20).map((id, at) => [vocabulary[at] ?? String(id), (weights[at] ?? 0).toFixed(4)]),
        ),
      )
      .join('\n\n'),
  'summarize.summarize': ({ summaries }: SummarizeResponse__Output) =>
    summaries.map(({ text, warnings }) => [text, ...warnings.map((warning) => `(${warning})`)].join('\n')).join('\n\n'),
  'infer.infer': ({ outputs }: InferResponse__Output) =>
    outputs
      .map(({ name, type, shape, values, strings, data }) => {
        const elements = values.length > 0 ? values.map(String) : strings.map((text) => JSON.stringify(text));
        const shown = elements.slice(0, 8).join(', ') + (elements.length > 8 ? ', …' : '');
        return `${name}  ${typeName(type)} [${shape.join(', ')}]  ${data.length > 0 ? `${data.length} bytes` : shown}`;
      })
      .join('\n'),
  'infer.describeModel': ({ inputs, outputs, batchable }: DescribeModelResponse__Output) =>
    `${table(['', 'name', 'type', 'shape'], [...inputs.map((each) => tensorRow('input', each)), ...outputs.map((each) => tensorRow('output', each))])}\n${
      batchable ? 'calls may share a run' : 'one call a run'
    }`,
};

function tensorRow(kind: string, { name, type, shape }: TensorDescription__Output): string[] {
  const dims = shape.map(({ fixed, symbol }) => (fixed === undefined ? symbol || '?' : String(fixed)));
  return [kind, name, typeName(type), `[${dims.join(', ')}]`];
}

function typeName(type: string): string {
  return type.replace('DATA_TYPE_', '').toLowerCase();
}

/** A response as text; JSON where there is no better form. */
export function render(capability: string, method: string, response: object, request: object): string {
  const renderer = RENDERERS[`${capability}.${method}`];
  const body = renderer
    ? renderer(response as never, request as Record<string, unknown>)
    : JSON.stringify(response, undefined, 2);
  return `${body}\n${footer(response as Answered)}`;
}

interface Answered {
  model?: ServedModel__Output | null;
  usage?: Usage__Output | null;
  timings?: Timings__Output | null;
}

function footer({ model, usage, timings }: Answered): string {
  if (!model) return '';
  const facts = [`${model.name}@${model.version} on ${model.instance}`];
  if (usage) facts.push(`${usage.inputTokens} tokens`);
  if (timings)
    facts.push(
      `${timings.totalMs.toFixed(1)} ms (queue ${timings.queueMs.toFixed(1)}, compute ${timings.computeMs.toFixed(1)})`,
    );
  return `\n${facts.join(' · ')}\n`;
}

function classifications({ classifications: all }: ClassifyResponse__Output): string {
  return all
    .map(({ labels }) =>
      table(
        ['label', 'score'],
        labels.slice(0, 10).map(({ label, score }) => [label, score.toFixed(4)]),
      ),
    )
    .join('\n\n');
}
