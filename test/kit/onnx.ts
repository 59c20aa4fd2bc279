/** Tiny ONNX models, written by the test that runs them: nodes, inputs and outputs, no weights. */
import { bytesField, type Field, numberField, textField, writeFields } from '../../models/quantize/wire.js';

/** Element types by their numbers in onnx.proto. */
export const ELEMENT = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

export interface Value {
  name: string;
  type: keyof typeof ELEMENT;
  /** A number, a name, or "" for an axis that is neither. */
  shape: readonly (number | string)[];
}

export interface Step {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  /** Integer attributes. */
  integers?: Readonly<Record<string, number>>;
}

/** The bytes of a model file, opset 17. */
export function onnxModel(model: {
  steps: readonly Step[];
  inputs: readonly Value[];
  outputs: readonly Value[];
}): Uint8Array {
  const graph = writeFields([
    ...model.steps.map((step) => bytesField(1, writeFields(stepFields(step)))),
    textField(2, 'test'),
    ...model.inputs.map((value) => bytesField(11, writeFields(valueFields(value)))),
    ...model.outputs.map((value) => bytesField(12, writeFields(valueFields(value)))),
  ]);
  const opset = writeFields([textField(1, ''), numberField(2, 17)]);
  return writeFields([numberField(1, 8), bytesField(7, graph), bytesField(8, opset)]);
}

/** One node, its inputs as they come: `identity('float32', ['n', 3])` gives back what it gets. */
export function identity(type: Value['type'], shape: Value['shape']): Uint8Array {
  return onnxModel({
    steps: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
    inputs: [{ name: 'x', type, shape }],
    outputs: [{ name: 'y', type, shape }],
  });
}

function stepFields({ op, inputs, outputs, integers = {} }: Step): Field[] {
  return [
    ...inputs.map((name) => textField(1, name)),
    ...outputs.map((name) => textField(2, name)),
    textField(3, `${op}_${outputs[0]}`),
    textField(4, op),
    ...Object.entries(integers).map(([name, value]) =>
      bytesField(5, writeFields([textField(1, name), numberField(3, value), numberField(20, 2)])),
    ),
  ];
}

function valueFields({ name, type, shape }: Value): Field[] {
  const dims = shape.map((dim) =>
    bytesField(1, writeFields(typeof dim === 'number' ? [numberField(1, dim)] : dim === '' ? [] : [textField(2, dim)])),
  );
  const tensor = writeFields([numberField(1, ELEMENT[type]), bytesField(2, writeFields(dims))]);
  return [textField(1, name), bytesField(2, writeFields([bytesField(1, tensor)]))];
}
