/** plexus.v1.Embed: Embed, EmbedStream, Similarity. */
import { setMaxListeners } from 'node:events';
import type { CallContext } from '../../chassis/call.js';
import type { Clock } from '../../chassis/clock.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import { toMeshError } from '../../chassis/status.js';
import type { Hub } from '../../inference/index.js';
import type { EmbedHandlers } from '../../protos/gen/plexus/v1/Embed.js';
import type { EmbedRequest__Output } from '../../protos/gen/plexus/v1/EmbedRequest.js';
import type { EmbedResponse } from '../../protos/gen/plexus/v1/EmbedResponse.js';
import type { EmbedStreamRequest__Output } from '../../protos/gen/plexus/v1/EmbedStreamRequest.js';
import type { EmbedStreamResponse } from '../../protos/gen/plexus/v1/EmbedStreamResponse.js';
import { answer, withModel } from '../answer.js';
import { problemOf } from '../problem.js';
import { inOrderOfArrival } from '../stream.js';
import { checkEmbed, checkSimilarity, resolveEmbed } from './check.js';
import { embedCodecs } from './codec.js';
import { formatVector } from './format.js';
import type { EmbedModel } from './model.js';
import { similarity } from './similarity.js';

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
      const embeddings = vectors.map((vector, index) => ({
        ...formatVector(vector, asked.format),
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

  return implement<EmbedHandlers>(
    'plexus.v1.Embed',
    {
      Embed: embed,
      EmbedStream(requests, context) {
        setMaxListeners(0, context.signal); // every batch under way listens to it
        return inOrderOfArrival(requests, deps.streamBatchesMax, context.signal, (each) => embedOne(each, context));
      },
      async Similarity(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkSimilarity(request);
        return withModel(hub, request.model, async (model) => {
          const options = resolveEmbed(asked, model);
          // The source is the last text, so that the others keep their places in errors.
          const all = [...asked.texts, asked.source];
          const field = (index: number): string => (index < asked.texts.length ? `texts[${index}]` : 'source');
          const { vectors, inputTokens, timings } = await model.embed(all, { ...options, field }, context);
          const source = vectors.pop() as Float32Array;
          return {
            ...answer(deps, context, model.manifest, startedMs, { texts: all.length, inputTokens }, timings),
            scores: vectors.map((vector) => similarity(asked.metric, source, vector)),
          };
        });
      },
    },
    { codecs: embedCodecs },
  );
}

/** What an EmbedStreamRequest without a request means: it fails the check of `texts`. */
const EMPTY: EmbedRequest__Output = {
  model: '',
  texts: [],
  pooling: 'POOLING_UNSPECIFIED',
  promptName: '',
  dimensions: 0,
  truncate: 'TRUNCATE_UNSPECIFIED',
  format: 'VECTOR_FORMAT_UNSPECIFIED',
};
