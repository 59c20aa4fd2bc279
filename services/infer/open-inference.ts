/**
 * inference.GRPCInferenceService, the Open Inference Protocol: the same models and the same engine under the names that clients
 * of KServe and Triton use. Answers are raw, as Triton's are. What a server may leave out and we do (shared memory, sequences,
 * classification) is refused by name, not ignored.
 */
import { invalid, items } from '../../chassis/check.js';
import { MeshError } from '../../chassis/errors.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import { plexusVersion } from '../../chassis/process.js';
import { type ElementType, type Fields, RANK_MAX, type Tensor, type TensorInfo } from '../../inference/index.js';
import type { GRPCInferenceServiceHandlers } from '../../protos/gen/inference/GRPCInferenceService.js';
import type { InferTensorContents__Output } from '../../protos/gen/inference/InferTensorContents.js';
import type { ModelInferRequest__Output } from '../../protos/gen/inference/ModelInferRequest.js';
import { answer, withModel } from '../answer.js';
import { TENSORS_MAX } from './check.js';
import { toBytes } from './numbers.js';
import type { InferDeps } from './service.js';

/** Names of types on this wire. */
const TYPES: Readonly<Record<ElementType, string>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
};

/** The field of typed contents that holds a type; FP16 has none. */
const CONTENTS: Readonly<Partial<Record<ElementType, keyof InferTensorContents__Output>>> = {
  bool: 'boolContents',
  uint8: 'uintContents',
  uint16: 'uintContents',
  uint32: 'uintContents',
  uint64: 'uint64Contents',
  int8: 'intContents',
  int16: 'intContents',
  int32: 'intContents',
  int64: 'int64Contents',
  float32: 'fp32Contents',
  float64: 'fp64Contents',
  string: 'bytesContents',
};

/** Parameters that ask for what is not done here. The rest (priority, timeout, headers) are hints. */
const REFUSED = /^(?:sequence_|shared_memory_|classification$)/;

export function createOpenInferenceService(deps: Omit<InferDeps, 'streamCallsMax'>): ServiceBinding {
  const { hub, clock } = deps;

  return implement<GRPCInferenceServiceHandlers>('inference.GRPCInferenceService', {
    ServerLive: () => ({ live: true }),
    ServerReady: async () => ({ ready: (await hub.list()).some(({ state }) => state.at === 'ready') }),
    ServerMetadata: () => ({ name: 'plexus', version: plexusVersion, extensions: [] }),
    ModelReady({ name, version }) {
      try {
        hub.lease(reference(name, version), 'name').release();
        return { ready: true };
      } catch (error) {
        if (error instanceof MeshError) return { ready: false };
        throw error;
      }
    },
    ModelMetadata: ({ name, version }) =>
      withModel(
        hub,
        reference(name, version),
        async ({ manifest, signature }) => {
          const entries = await hub.list();
          const ready = entries.filter((each) => each.manifest.name === manifest.name && each.state.at === 'ready');
          return {
            name: manifest.name,
            versions: ready.map((each) => each.manifest.version),
            platform: 'onnx_onnxv1',
            inputs: signature.inputs.map(metadata),
            outputs: signature.outputs.map(metadata),
          };
        },
        'name',
      ),
    async ModelInfer(request, context) {
      const startedMs = clock.monotonic();
      const inputs = readInputs(request);
      const outputs = request.outputs.map(({ name, parameters }, index) => {
        requireKnown(`outputs[${index}].parameters`, parameters);
        return name;
      });
      return withModel(
        hub,
        reference(request.modelName, request.modelVersion),
        async (model) => {
          const { manifest } = model;
          const result = await model.infer({ inputs, outputs, fields: fieldsOf(request) }, context);
          const usage = { texts: result.rows, inputTokens: 0 };
          answer(deps, context, manifest, startedMs, usage, result.timings); // its trailers; the message has no place for it
          return {
            modelName: manifest.name,
            modelVersion: manifest.version,
            id: request.id,
            outputs: result.outputs.map(({ name, type, dims }) => ({ name, datatype: TYPES[type], shape: [...dims] })),
            rawOutputContents: result.outputs.map(({ data }) =>
              data instanceof Uint8Array ? data : joinStrings(data),
            ),
          };
        },
        'model_name',
      );
    },
  });
}

function reference(name: string, version: string): string {
  return version === '' ? name : `${name}@${version}`;
}

function metadata({ name, type, shape }: TensorInfo): { name: string; datatype: string; shape: number[] } {
  return { name, datatype: TYPES[type], shape: shape.map((dim) => (typeof dim === 'number' ? dim : -1)) };
}

function fieldsOf({ rawInputContents }: ModelInferRequest__Output): Fields {
  const raw = rawInputContents.length > 0;
  return {
    inputs: 'inputs',
    tensor: (index) => `inputs[${index}]`,
    type: 'datatype',
    data: (index) => (raw ? `raw_input_contents[${index}]` : `inputs[${index}].contents`),
    outputs: 'outputs',
  };
}

function readInputs(request: ModelInferRequest__Output): Tensor[] {
  const { inputs, rawInputContents: raw } = request;
  requireKnown('parameters', request.parameters);
  if (inputs.length > 0) items('inputs', inputs, TENSORS_MAX);
  if (raw.length > 0 && raw.length !== inputs.length) {
    throw invalid('raw_input_contents', `must have one item an input (${inputs.length}), has ${raw.length}`);
  }
  return inputs.map(({ name, datatype, shape, parameters, contents }, index) => {
    const field = `inputs[${index}]`;
    requireKnown(`${field}.parameters`, parameters);
    if (shape.length > RANK_MAX) items(`${field}.shape`, shape, RANK_MAX);
    const type = (Object.keys(TYPES) as ElementType[]).find((each) => TYPES[each] === datatype);
    if (!type) {
      const known = Object.values(TYPES).join(', ');
      throw invalid(`${field}.datatype`, `must be one of ${known}, is ${JSON.stringify(datatype.slice(0, 40))}`);
    }
    const own = raw[index];
    if (own !== undefined && contents) {
      throw invalid(`${field}.contents`, 'may not stand beside raw_input_contents; send the elements once');
    }
    const data =
      own === undefined
        ? typed(type, contents ?? undefined, `${field}.contents`)
        : type === 'string'
          ? splitStrings(own, `raw_input_contents[${index}]`)
          : own;
    return { name, type, dims: shape, data };
  });
}

function requireKnown(field: string, parameters: Readonly<Record<string, unknown>>): void {
  const refused = Object.keys(parameters).find((key) => REFUSED.test(key));
  if (refused === undefined) return;
  throw invalid(field, `${refused} is not done here; leave it out`, 'OPTION_UNSUPPORTED');
}

function typed(
  type: ElementType,
  contents: InferTensorContents__Output | undefined,
  field: string,
): Uint8Array | string[] {
  const place = CONTENTS[type];
  if (place === undefined) throw invalid(field, `${TYPES[type]} has no typed contents; send it in raw_input_contents`);
  const filled = contents ? (Object.keys(contents) as (keyof InferTensorContents__Output)[]) : [];
  const other = filled.find((key) => key !== place && (contents?.[key].length ?? 0) > 0);
  if (other) throw invalid(`${field}.${snake(other)}`, `holds no ${TYPES[type]}; use ${snake(place)}`);
  const elements = contents?.[place] ?? [];
  const at = `${field}.${snake(place)}`;
  if (type === 'string') return (elements as Buffer[]).map((bytes, index) => textOf(bytes, `${at}[${index}]`));
  return toBytes(type, (elements as (number | boolean)[]).map(Number), at);
}

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** BYTES: each element its length in four bytes, little-endian, and its bytes. */
function splitStrings(raw: Buffer, field: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < raw.length; ) {
    const length = at + 4 <= raw.length ? raw.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    at += 4;
    if (at + length > raw.length) {
      throw invalid(
        field,
        `ends within element ${found.length}; each is its length in four bytes, little-endian, and its bytes`,
      );
    }
    found.push(textOf(raw.subarray(at, at + length), `${field} element ${found.length}`));
    at += length;
  }
  return found;
}

function joinStrings(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array, field: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid(field, 'is not valid UTF-8, which is what strings of ONNX are here; encode it', 'TEXT_NOT_UTF8');
  }
}
