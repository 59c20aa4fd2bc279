/** plexus.v1.Classify: Classify, ClassifyPairs, ZeroShot. */
import type { CallContext } from '../../chassis/call.js';
import type { Clock } from '../../chassis/clock.js';
import { fieldError } from '../../chassis/errors.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import type { Hub } from '../../inference/index.js';
import type { Classification } from '../../protos/gen/plexus/v1/Classification.js';
import type { ClassifyHandlers } from '../../protos/gen/plexus/v1/Classify.js';
import type { ClassifyResponse } from '../../protos/gen/plexus/v1/ClassifyResponse.js';
import { answer, withModel } from '../answer.js';
import { type ClassifyAsked, checkClassify, checkClassifyPairs, checkZeroShot, resolveClassify } from './check.js';
import { classifyCodecs } from './codec.js';
import { type LabelOptions, rankLabels } from './labels.js';
import type { Classified, ClassifyModel, ZeroShotModel } from './model.js';
import { createZeroShot } from './zero-shot.js';

export interface ClassifyDeps {
  hub: Hub<ClassifyModel | ZeroShotModel>;
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

  async function classify(reference: string, asked: ClassifyAsked, context: CallContext): Promise<ClassifyResponse> {
    const startedMs = clock.monotonic();
    return withModel(hub, reference, async (model) => {
      if (model.kind !== 'classifier') {
        const text = `${model.manifest.name} is an embedder; use ZeroShot, or a model for classify`;
        throw fieldError('MODEL_WRONG_TASK', 'model', text, { model: model.manifest.name });
      }
      const result = await model.classify(asked.inputs, resolveClassify(asked, model), context);
      const usage = { texts: asked.inputs.length, inputTokens: result.inputTokens };
      return {
        ...answer(deps, context, model.manifest, startedMs, usage, result.timings),
        classifications: classifications(model.labels, result, asked),
      };
    });
  }

  return implement<ClassifyHandlers>(
    'plexus.v1.Classify',
    {
      Classify: (request, context) => classify(request.model, checkClassify(request), context),
      ClassifyPairs: (request, context) => classify(request.model, checkClassifyPairs(request), context),
      async ZeroShot(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkZeroShot(request);
        return withModel(hub, request.model || deps.embedder, async (model) => {
          if (model.kind !== 'embedder') {
            const text = `${model.manifest.name} has labels of its own; use Classify, or a model for embed`;
            throw fieldError('MODEL_WRONG_TASK', 'model', text, { model: model.manifest.name });
          }
          const result = await zeroShot.classify(model, asked, context);
          const usage = { texts: asked.texts.length, inputTokens: result.inputTokens };
          return {
            ...answer(deps, context, model.manifest, startedMs, usage, result.timings),
            classifications: classifications(asked.labels, result, asked),
          };
        });
      },
    },
    { codecs: classifyCodecs },
  );
}

function classifications(
  labels: readonly string[],
  { scores, tokens, truncated }: Pick<Classified, 'scores' | 'tokens' | 'truncated'>,
  options: LabelOptions,
): Classification[] {
  return scores.map((row, index) => ({
    labels: rankLabels(labels, row, options),
    tokens: tokens[index] as number,
    truncated: truncated[index] as boolean,
  }));
}
