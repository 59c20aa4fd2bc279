/**
 * The likeliest tokens of each row, by a graph of two operators: log-softmax and top-k over 32,128 scores take a fifth of the time there
 * that they take in JavaScript, which for beams was a third of everything (bench/generate.ts, 8 callers, 4 beams).
 */
import { Tensor } from 'onnxruntime-node';
import { openSession } from './graph.js';
import { addInput, addOutput, makeNode, type OnnxModel, writeModel } from './onnx-graph.js';

/** The first of a row's tokens, likeliest first, the lower id where two are alike. */
export interface Ranked {
  ids: ArrayLike<bigint>;
  /** Log-probabilities. */
  logprobs: Float32Array;
}

export interface Ranker {
  /** `logits`: [rows, 1, vocabulary], 32-bit. */
  rank(logits: Tensor, count: number): Promise<(row: number) => Ranked>;
  close(): Promise<void>;
}

export async function createRanker(threads: number): Promise<Ranker> {
  const session = await openSession(writeModel(graph()), threads);
  return {
    async rank(logits, count) {
      const kept = Math.min(count, logits.dims[2] as number);
      const wanted = new Tensor('int64', BigInt64Array.of(BigInt(kept)), [1]);
      const { logprobs, ids } = await session.run({ logits, count: wanted });
      const [values, places] = [logprobs?.data as Float32Array, ids?.data as BigInt64Array];
      return (row) => ({
        ids: places.subarray(row * kept, (row + 1) * kept),
        logprobs: values.subarray(row * kept, (row + 1) * kept),
      });
    },
    close: () => session.release(),
  };
}

function graph(): OnnxModel {
  const model: OnnxModel = {
    graph: {
      nodes: [
        makeNode('LogSoftmax', ['logits'], ['all'], { axis: -1 }),
        makeNode('TopK', ['all', 'count'], ['logprobs', 'ids'], { axis: -1 }),
      ],
      initializers: new Set(),
      inputs: [],
      // The graph's name; without one it is not a graph.
      rest: [{ number: 2, raw: Uint8Array.of(18, 1, 103), body: Uint8Array.of(103) }],
    },
    // ir_version 8; opset 14 of the standard operators.
    rest: [
      { number: 1, raw: Uint8Array.of(8, 8), body: new Uint8Array() },
      { number: 8, raw: Uint8Array.of(66, 2, 16, 14), body: Uint8Array.of(16, 14) },
    ],
    external: false,
  };
  addInput(model.graph, 'logits', 'float32', ['rows', 1, 'vocabulary']);
  addInput(model.graph, 'count', 'int64', [1]);
  addOutput(model.graph, 'logprobs', 'float32', ['rows', 1, 'kept']);
  addOutput(model.graph, 'ids', 'int64', ['rows', 1, 'kept']);
  return model;
}
