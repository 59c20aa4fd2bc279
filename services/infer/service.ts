/** plexus.v1.Infer: Infer, InferStream, DescribeModel. */
import { setMaxListeners } from 'node:events';
import type { CallContext } from '../../chassis/call.js';
import type { Clock } from '../../chassis/clock.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import { toMeshError } from '../../chassis/status.js';
import type { Hub, OutputTensor, TensorInfo } from '../../inference/index.js';
import type { InferHandlers } from '../../protos/gen/plexus/v1/Infer.js';
import type { InferRequest__Output } from '../../protos/gen/plexus/v1/InferRequest.js';
import type { InferResponse } from '../../protos/gen/plexus/v1/InferResponse.js';
import type { InferStreamRequest__Output } from '../../protos/gen/plexus/v1/InferStreamRequest.js';
import type { InferStreamResponse } from '../../protos/gen/plexus/v1/InferStreamResponse.js';
import type { Tensor } from '../../protos/gen/plexus/v1/Tensor.js';
import type { TensorDescription } from '../../protos/gen/plexus/v1/TensorDescription.js';
import { answer, withModel } from '../answer.js';
import { problemOf } from '../problem.js';
import { inOrderOfArrival } from '../stream.js';
import { checkInfer, dataType, resolveInfer, type TensorFormat } from './check.js';
import { inferCodecs } from './codec.js';
import type { InferModel } from './model.js';
import { toNumbers } from './numbers.js';

export interface InferDeps {
  hub: Hub<InferModel>;
  instance: string;
  clock: Clock;
  /** Calls of one stream at the same time. */
  streamCallsMax: number;
}

export function createInferService(deps: InferDeps): ServiceBinding {
  const { hub, instance, clock } = deps;

  async function infer(request: InferRequest__Output, context: CallContext): Promise<InferResponse> {
    const startedMs = clock.monotonic();
    const asked = checkInfer(request);
    return withModel(hub, request.model, async (model) => {
      const { outputs, rows, timings } = await model.infer(resolveInfer(asked, model), context);
      return {
        ...answer(deps, context, model.manifest, startedMs, { texts: rows, inputTokens: 0 }, timings),
        outputs: outputs.map((output) => toTensor(output, asked.format)),
      };
    });
  }

  /** Never rejects: what is wrong with one call is that call's answer. */
  async function inferOne(
    { id, request }: InferStreamRequest__Output,
    context: CallContext,
  ): Promise<InferStreamResponse> {
    try {
      return { id, response: await infer(request ?? EMPTY, context) };
    } catch (error) {
      return { id, problem: problemOf(toMeshError(error)) };
    }
  }

  return implement<InferHandlers>(
    'plexus.v1.Infer',
    {
      Infer: infer,
      InferStream(requests, context) {
        setMaxListeners(0, context.signal); // every call under way listens to it
        return inOrderOfArrival(requests, deps.streamCallsMax, context.signal, (each) => inferOne(each, context));
      },
      DescribeModel: (request) =>
        withModel(hub, request.model, async ({ manifest, signature, batchable }) => ({
          model: { name: manifest.name, version: manifest.version, digest: manifest.digest, instance },
          inputs: signature.inputs.map(describe),
          outputs: signature.outputs.map(describe),
          batchable,
        })),
    },
    { codecs: inferCodecs },
  );
}

function toTensor({ name, type, dims, data }: OutputTensor, format: TensorFormat): Tensor {
  const tensor = { name, type: dataType(type), shape: [...dims] };
  if (!(data instanceof Uint8Array)) return { ...tensor, strings: [...data] };
  if (format === 'values' && type !== 'string') return { ...tensor, values: toNumbers(type, data) };
  return { ...tensor, data };
}

function describe({ name, type, shape }: TensorInfo): TensorDescription {
  return {
    name,
    type: dataType(type),
    shape: shape.map((dim) => (typeof dim === 'number' ? { fixed: dim } : { symbol: dim })),
  };
}

/** What an InferStreamRequest without a request means: it fails the check of its inputs. */
const EMPTY: InferRequest__Output = { model: '', inputs: [], outputs: [], format: 'TENSOR_FORMAT_UNSPECIFIED' };
