/** plexus.v1.Classify: Classify, ClassifyPairs, Rerank, ClassifyTokens, ZeroShot. */
import type { CallContext } from '../../chassis/call.js';
import type { Clock } from '../../chassis/clock.js';
import { fieldError } from '../../chassis/errors.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import type { Hub } from '../../inference/index.js';
import type { ClassifyHandlers } from '../../protos/gen/plexus/v1/Classify.js';
import type { ClassifyResponse } from '../../protos/gen/plexus/v1/ClassifyResponse.js';
import type { RankedText } from '../../protos/gen/plexus/v1/RankedText.js';
import type { TokenClassification } from '../../protos/gen/plexus/v1/TokenClassification.js';
import type { ZeroShotResponse } from '../../protos/gen/plexus/v1/ZeroShotResponse.js';
import { answer, withModel } from '../answer.js';
import { inTurns } from '../in-turns.js';
import {
  type ClassifyAsked,
  checkClassify,
  checkClassifyPairs,
  checkClassifyTokens,
  checkRerank,
  checkZeroShot,
  hypothesesOf,
  type RerankAsked,
  resolveClassify,
  resolveNli,
  resolveRerank,
  type ZeroShotAsked,
} from './check.js';
import { classificationPieces, classifyCodecs, type PiecesResponse } from './codec.js';
import type { Classified, HeldModel, TaggedPiece, ZeroShotModel } from './model.js';
import { classifyByInference } from './nli.js';
import { entityPieces, joinPieces } from './tokens.js';
import { createZeroShot } from './zero-shot.js';

export interface ClassifyDeps {
  hub: Hub<HeldModel>;
  instance: string;
  clock: Clock;
  /** Embedder of ZeroShot requests that name none. */
  embedder: string;
  /** Label sets whose vectors are kept. */
  labelSetsMax: number;
}

export function createClassifyService(deps: ClassifyDeps): ServiceBinding {
  const { hub, clock } = deps;
  const zeroShot = createZeroShot(deps);

  /** MODEL_WRONG_TASK, with the method that fits, where the model is of another kind. */
  function asKind<K extends HeldModel['kind']>(model: HeldModel, kind: K): Extract<HeldModel, { kind: K }> {
    if (model.kind === kind) return model as Extract<HeldModel, { kind: K }>;
    const { name } = model.manifest;
    throw fieldError('MODEL_WRONG_TASK', 'model', `${name} ${INSTEAD[model.kind]}`, { model: name });
  }

  async function classify(reference: string, asked: ClassifyAsked, context: CallContext): Promise<ClassifyResponse> {
    const startedMs = clock.monotonic();
    return withModel(hub, reference, async (held) => {
      const model = asKind(held, 'classifier');
      const result = await model.classify(asked.inputs, resolveClassify(asked, model), context);
      const usage = { texts: asked.inputs.length, inputTokens: result.inputTokens };
      const pieces = classificationPieces(model.labels, result, asked);
      const classifications = await inTurns(pieces, clock, context.signal);
      const head = answer(deps, context, model.manifest, startedMs, usage, result.timings);
      return asMessage<ClassifyResponse>({ ...head, classifications });
    });
  }

  return implement<ClassifyHandlers>(
    'plexus.v1.Classify',
    {
      Classify: (request, context) => classify(request.model, checkClassify(request), context),
      ClassifyPairs: (request, context) => classify(request.model, checkClassifyPairs(request), context),
      async Rerank(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkRerank(request);
        return withModel(hub, request.model, async (held) => {
          const model = asKind(held, 'classifier');
          const result = await model.classify(asked.inputs, resolveRerank(asked, model), context);
          const usage = { texts: asked.inputs.length, inputTokens: result.inputTokens };
          return {
            ...answer(deps, context, model.manifest, startedMs, usage, result.timings),
            results: ranked(result, asked),
          };
        });
      },
      async ClassifyTokens(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkClassifyTokens(request);
        return withModel(hub, request.model, async (held) => {
          const model = asKind(held, 'tagger');
          const field = (index: number): string => `texts[${index}]`;
          const { pieces, ...read } = await model.tag(asked.texts, { ...asked, field }, context);
          const classifications: TokenClassification[] = [];
          for (const [index, text] of asked.texts.entries()) {
            const making = entityPieces(text, pieces[index] as TaggedPiece[], model, asked);
            const entities = joinPieces(text, await inTurns(making, clock, context.signal));
            const [tokens, truncated] = [read.tokens[index] as number, read.truncated[index] as boolean];
            classifications.push({ entities, tokens, truncated });
          }
          const usage = { texts: asked.texts.length, inputTokens: read.inputTokens };
          return { ...answer(deps, context, model.manifest, startedMs, usage, read.timings), classifications };
        });
      },
      async ZeroShot(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkZeroShot(request);
        return withModel(hub, request.model || deps.embedder, async (model) => {
          const result =
            model.kind === 'classifier'
              ? await classifyByInference(model, await resolveNli(asked, model, context.signal), context)
              : await byVectors(asKind(model, 'embedder'), asked, context);
          const usage = { texts: asked.texts.length, inputTokens: result.inputTokens };
          const pieces = classificationPieces(asked.labels, result, asked);
          const classifications = await inTurns(pieces, clock, context.signal);
          const head = answer(deps, context, model.manifest, startedMs, usage, result.timings);
          return asMessage<ZeroShotResponse>({ ...head, classifications });
        });
      },
    },
    { codecs: classifyCodecs },
  );

  function byVectors(model: ZeroShotModel, asked: ZeroShotAsked, context: CallContext): Promise<Classified> {
    if (!model.gives.vectors) {
      const text = `${model.manifest.name} gives sparse vectors; name an embedder of dense ones`;
      throw fieldError('MODEL_WRONG_TASK', 'model', text, { model: model.manifest.name });
    }
    return zeroShot.classify(model, { ...asked, hypotheses: hypothesesOf(asked, 'embedder') }, context);
  }
}

/** What a model of another kind is for. */
const INSTEAD: Readonly<Record<HeldModel['kind'], string>> = {
  classifier: 'labels texts; use Classify, or another model',
  tagger: 'labels tokens; use ClassifyTokens, or another model',
  embedder: 'is an embedder; use ZeroShot, or a model for classify',
};

/** Texts by score, best first, equals in the order of the request. */
function ranked({ scores, tokens, truncated }: Classified, { inputs, topK, returnTexts }: RerankAsked): RankedText[] {
  const scoreOf = (index: number): number => (scores[index] as ArrayLike<number>)[0] as number;
  const order = inputs.map((_, index) => index).sort((a, b) => scoreOf(b) - scoreOf(a) || a - b);
  return (topK > 0 ? order.slice(0, topK) : order).map((index) => ({
    index,
    score: scoreOf(index),
    text: returnTexts ? (inputs[index]?.pair ?? '') : '',
    tokens: tokens[index] as number,
    truncated: truncated[index] as boolean,
  }));
}

/** For the type of the handler: what it returns goes to the codec and nowhere else. */
function asMessage<Response>(response: PiecesResponse): Response {
  return response as unknown as Response;
}
