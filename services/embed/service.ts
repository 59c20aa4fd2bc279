/** plexus.v1.Embed: Embed, EmbedStream, EmbedTokens, EmbedSparse, Similarity. */
import { setMaxListeners } from 'node:events';
import type { CallContext } from '../../chassis/call.js';
import type { Clock } from '../../chassis/clock.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import { toMeshError } from '../../chassis/status.js';
import type { Hub } from '../../inference/index.js';
import type { EmbedHandlers } from '../../protos/gen/plexus/v1/Embed.js';
import type { EmbedRequest__Output } from '../../protos/gen/plexus/v1/EmbedRequest.js';
import type { EmbedResponse } from '../../protos/gen/plexus/v1/EmbedResponse.js';
import type { EmbedSparseResponse } from '../../protos/gen/plexus/v1/EmbedSparseResponse.js';
import type { EmbedStreamRequest__Output } from '../../protos/gen/plexus/v1/EmbedStreamRequest.js';
import type { EmbedStreamResponse } from '../../protos/gen/plexus/v1/EmbedStreamResponse.js';
import type { EmbedTokensResponse } from '../../protos/gen/plexus/v1/EmbedTokensResponse.js';
import { answer, slowest, type WorkTimings, withModel } from '../answer.js';
import { inTurns } from '../in-turns.js';
import { problemOf } from '../problem.js';
import { inOrderOfArrival } from '../stream.js';
import {
  checkEmbed,
  checkEmbedSparse,
  checkEmbedTokens,
  checkSimilarity,
  resolveEmbed,
  resolveEmbedSparse,
  resolveEmbedTokens,
  type SimilarityAsked,
} from './check.js';
import { embedCodecs, type PiecesResponse } from './codec.js';
import { formatEach, formatVector } from './format.js';
import type { EmbedModel } from './model.js';
import { maxSim, similarities, sourceOf, sparseSimilarities } from './similarity.js';
import { sparsePieces, tokenPieces } from './tokens.js';

export interface EmbedDeps {
  hub: Hub<EmbedModel>;
  instance: string;
  clock: Clock;
  /** Batches of one stream at the same time. */
  streamBatchesMax: number;
}

export function createEmbedService(deps: EmbedDeps): ServiceBinding {
  const { hub, clock } = deps;

  async function embed(request: EmbedRequest__Output, context: CallContext): Promise<EmbedResponse> {
    const startedMs = clock.monotonic();
    const asked = checkEmbed(request);
    return withModel(hub, request.model, async (model) => {
      const options = resolveEmbed(asked, model);
      const { vectors, tokens, truncated, inputTokens, timings } = await model.embed(asked.texts, options, context);
      const formatted =
        asked.format === 'float'
          ? vectors.map((vector) => formatVector(vector, 'float')) // nothing but a view
          : await inTurns(formatEach(vectors, asked.format), clock, context.signal);
      const embeddings = formatted.map((embedding, index) => ({
        ...embedding,
        tokens: tokens[index] as number,
        truncated: truncated[index] as boolean,
      }));
      const usage = { texts: asked.texts.length, inputTokens };
      return {
        ...answer(deps, context, model.manifest, startedMs, usage, timings),
        embeddings,
        dimensions: options.dimensions,
      };
    });
  }

  /** Never rejects: what is wrong with one batch is that batch's answer. */
  async function embedOne(
    { id, request }: EmbedStreamRequest__Output,
    context: CallContext,
  ): Promise<EmbedStreamResponse> {
    try {
      return { id, response: await embed(request ?? EMPTY, context) };
    } catch (error) {
      return { id, problem: problemOf(toMeshError(error)) };
    }
  }

  /** Scores of the texts against their sources, by what the model gives and the metric wants. */
  async function compare(
    asked: SimilarityAsked,
    model: EmbedModel,
    context: CallContext,
  ): Promise<{ scores: number[]; inputTokens: number; timings: WorkTimings }> {
    const { sourceField, textField, sourcePromptName: promptName, truncate, metric } = asked;
    const source = { promptName, truncate, promptField: 'source_prompt_name' };
    /** Sources and texts, read in the same way, each with their prompt; they share batches all the same. */
    const both = async <O extends object, R extends { inputTokens: number; timings: WorkTimings }>(
      resolve: (asked: Pick<SimilarityAsked, 'promptName' | 'truncate'>, model: EmbedModel) => O,
      read: (texts: readonly string[], options: O, context: CallContext) => Promise<R>,
    ) => {
      const [left, right] = [resolve(source, model), resolve(asked, model)]; // what is refused is so before anything runs
      const [sources, texts] = await Promise.all([
        read(asked.sources, { ...left, field: sourceField }, context),
        read(asked.texts, { ...right, field: textField }, context),
      ]);
      const timings = slowest(Math.max(sources.timings.tokenizeMs, texts.timings.tokenizeMs), [sources, texts]);
      return { sources, texts, inputTokens: sources.inputTokens + texts.inputTokens, timings };
    };
    if (metric === 'max-sim') {
      const unit: typeof resolveEmbedTokens = (...given) => ({ ...resolveEmbedTokens(...given), normalize: true });
      const { sources, texts, ...read } = await both(unit, model.embedTokens);
      const width = model.dimensionsOf('tokens');
      const scores: number[] = [];
      for (const [index, text] of texts.vectors.entries()) {
        const steps = maxSim(sourceOf(sources.vectors, index), text, width);
        scores.push((await inTurns(steps, clock, context.signal)).reduce((sum, step) => sum + step, 0));
      }
      return { ...read, scores };
    }
    if (model.gives.sparse) {
      const { sources, texts, ...read } = await both(resolveEmbedSparse, model.embedSparse);
      const steps = sparseSimilarities(metric ?? 'dot', sources.pairs, texts.pairs, model.dimensionsOf('sparse'));
      return { ...read, scores: await inTurns(steps, clock, context.signal) };
    }
    const { sources, texts, ...read } = await both(resolveEmbed, model.embed);
    const steps = similarities(metric ?? 'cosine', sources.vectors, texts.vectors);
    return { ...read, scores: await inTurns(steps, clock, context.signal) };
  }

  return implement<EmbedHandlers>(
    'plexus.v1.Embed',
    {
      Embed: embed,
      EmbedStream(requests, context) {
        setMaxListeners(0, context.signal); // every batch under way listens to it
        return inOrderOfArrival(requests, deps.streamBatchesMax, context.signal, (each) => embedOne(each, context));
      },
      async EmbedTokens(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkEmbedTokens(request);
        return withModel(hub, request.model, async (model) => {
          const options = resolveEmbedTokens(asked, model);
          const { prompt, dimensions } = options;
          const read = await model.embedTokens(asked.texts, options, context);
          const embeddings: Buffer[][] = [];
          for (const [index, encoding] of read.encodings.entries()) {
            const vectors = read.vectors[index] as Float32Array;
            const given = { ...asked, encoding, vectors, dimensions, prompt };
            const pieces = tokenPieces(given, read.truncated[index] as boolean);
            embeddings.push(await inTurns(pieces, clock, context.signal));
          }
          const usage = { texts: asked.texts.length, inputTokens: read.inputTokens };
          const head = answer(deps, context, model.manifest, startedMs, usage, read.timings);
          return asMessage<EmbedTokensResponse>({ ...head, embeddings, dimensions });
        });
      },
      async EmbedSparse(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkEmbedSparse(request);
        return withModel(hub, request.model, async (model) => {
          const read = await model.embedSparse(asked.texts, resolveEmbedSparse(asked, model), context);
          const embeddings: Buffer[][] = [];
          for (const [index, pairs] of read.pairs.entries()) {
            const tokenOf = asked.withTokens ? model.tokenOf : undefined;
            const [tokens, truncated] = [read.tokens[index] as number, read.truncated[index] as boolean];
            const pieces = sparsePieces(pairs, tokenOf, tokens, truncated);
            embeddings.push(await inTurns(pieces, clock, context.signal));
          }
          const usage = { texts: asked.texts.length, inputTokens: read.inputTokens };
          const head = answer(deps, context, model.manifest, startedMs, usage, read.timings);
          return asMessage<EmbedSparseResponse>({ ...head, embeddings, dimensions: model.dimensionsOf('sparse') });
        });
      },
      async Similarity(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkSimilarity(request);
        return withModel(hub, request.model, async (model) => {
          const { scores, inputTokens, timings } = await compare(asked, model, context);
          const usage = { texts: asked.texts.length + asked.sources.length, inputTokens };
          return { ...answer(deps, context, model.manifest, startedMs, usage, timings), scores };
        });
      },
    },
    { codecs: embedCodecs },
  );
}

/** For the type of the handler: what it returns goes to the codec and nowhere else. */
function asMessage<Response>(response: PiecesResponse): Response {
  return response as unknown as Response;
}

/** What an EmbedStreamRequest without a request means: it fails the check of `texts`. */
const EMPTY: EmbedRequest__Output = {
  model: '',
  texts: [],
  pooling: 'POOLING_UNSPECIFIED',
  promptName: '',
  noPrompt: false,
  dimensions: 0,
  truncate: 'TRUNCATE_UNSPECIFIED',
  format: 'VECTOR_FORMAT_UNSPECIFIED',
};
