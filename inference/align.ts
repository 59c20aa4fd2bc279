/**
 * Weights that lie where kernels may load them. onnxruntime 1.30 writes repacked weights one behind the other, while the kernels
 * that read them use loads that need addresses divisible by 64, so a mapped copy can end the process (a Gemm of 119 columns
 * did). Everything is moved to such a place, and the graph told.
 */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { externalOf, graphsOf, readModel, type Tensor, writeModel } from '../models/quantize/onnx.js';
import { bytesField, type Field, readFields, textField, textOf, writeFields } from '../models/quantize/wire.js';

/** Bytes of the widest load there is. */
const ALIGNED_BYTES = 64;
/** onnx.proto: TensorProto.external_data, pairs of key and value. */
const EXTERNAL_DATA = 13;
/** A place in "kernel+hash|offset;length;checksum", one or more of them. */
const PLACE = /\|(\d+);(\d+);/g;

/** Rewrites both files. Throws where the graph names a place that the weights do not have. */
export function alignWeights(modelFile: string, weightsFile: string): void {
  const model = readModel(readFileSync(modelFile));
  const from = readFileSync(weightsFile);
  const parts: Buffer[] = [];
  const moved = new Map<string, number>();
  let bytes = 0;
  const move = (offset: number, length: number): number => {
    const key = `${offset};${length}`;
    const known = moved.get(key);
    if (known !== undefined) return known;
    if (offset + length > from.length) throw new Error(`bytes ${offset} to ${offset + length} of ${from.length}`);
    const padding = -bytes & (ALIGNED_BYTES - 1);
    parts.push(Buffer.alloc(padding), from.subarray(offset, offset + length));
    bytes += padding;
    moved.set(key, bytes);
    bytes += length;
    return bytes - length;
  };

  for (const { graph } of graphsOf(model.graph)) {
    for (const tensor of graph.weights.values()) {
      const place = externalOf(tensor);
      if (place) tensor.fields = tensor.fields.map((field) => movedEntry(field, tensor, place, move));
    }
  }
  writeFileSync(modelFile, writeModel(model));
  const file = openSync(weightsFile, 'w');
  try {
    for (const part of parts) writeSync(file, part);
  } finally {
    closeSync(file);
  }
}

function movedEntry(
  field: Field,
  tensor: Tensor,
  { offset, length }: { offset: number; length: number | undefined },
  move: (offset: number, length: number) => number,
): Field {
  if (field.number !== EXTERNAL_DATA || field.wire !== 2) return field;
  const entry = readFields(field.bytes);
  const key = textOf(entry, 1);
  const value = textOf(entry, 2);
  if (length === undefined) throw new Error(`the weight ${tensor.name} has no length`);
  let now = value;
  if (key === 'offset') now = String(move(offset, length));
  else if (key.startsWith('prepacked')) {
    now = value.replace(PLACE, (_, at, size) => `|${move(Number(at), Number(size))};${size};`);
    if (!PLACE.test(value)) throw new Error(`the weight ${tensor.name} is repacked in a way that is not known`);
    PLACE.lastIndex = 0;
  }
  return now === value ? field : bytesField(EXTERNAL_DATA, writeFields([textField(1, key), textField(2, now)]));
}
