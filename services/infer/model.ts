/** A graph in memory: tensors to tensors, transport-free. */
import type { Clock } from '../../chassis/clock.js';
import {
  type InferenceSettings,
  type OutputTensor,
  openTensorModel,
  type RunOptions,
  type TensorCall,
  type TensorModel,
  type TensorSettings,
} from '../../inference/index.js';
import type { StoredModel } from '../../models/index.js';
import { slowest, type WorkTimings } from '../answer.js';

export interface Inferred {
  outputs: OutputTensor[];
  /** Rows of the first dimension where the model is batchable, else 1. */
  rows: number;
  timings: WorkTimings;
}

export interface InferModel extends Omit<TensorModel, 'infer'> {
  infer(call: TensorCall, run: RunOptions): Promise<Inferred>;
}

export async function openInfer(
  model: StoredModel,
  settings: InferenceSettings & TensorSettings,
  clock: Clock,
): Promise<InferModel> {
  return createInferModel(await openTensorModel(model, settings, { clock }));
}

export function createInferModel(tensors: TensorModel): InferModel {
  return {
    manifest: tensors.manifest,
    signature: tensors.signature,
    batchable: tensors.batchable,
    async infer(call, run) {
      const { outputs, rows, timings } = await tensors.infer(call, run);
      return { outputs, rows, timings: slowest(0, [{ timings }]) };
    },
    warmUp: (signal) => tensors.warmUp(signal),
    stats: () => tensors.stats(),
    close: () => tensors.close(),
  };
}
