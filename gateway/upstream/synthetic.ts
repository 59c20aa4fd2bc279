/**
 * What an instance is asked when nobody knows whether it does its work again: a cheap call of its capability that no caller made.
 * For infer, zeros for every input that its first model describes; a capability that is not known here is asked for its health.
 */
import { definition } from '../../protos/index.js';
import type { Instance } from '../../registry/registry.js';
import { healthRequest } from './pulse.js';

export interface Synthetic {
  /** Full name. */
  method: string;
  request: Buffer;
}

/** A cheap method of each capability whose request has `repeated string texts = 2`. */
const TEXT_METHODS: Readonly<Record<string, string>> = {
  tokenize: 'plexus.v1.Tokenize/Count',
  embed: 'plexus.v1.Embed/Embed',
  classify: 'plexus.v1.Classify/Classify',
  summarize: 'plexus.v1.Summarize/Summarize',
};
/** { texts: ["plexus"] } for any of them. */
const TEXT_REQUEST = Buffer.concat([Buffer.from([0x12, 6]), Buffer.from('plexus')]);
export const HEALTH: Synthetic = { method: 'grpc.health.v1.Health/Check', request: healthRequest('') };

/** Bytes of an element; a type that is not here has none that are known. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  DATA_TYPE_BOOL: 1,
  DATA_TYPE_UINT8: 1,
  DATA_TYPE_INT8: 1,
  DATA_TYPE_UINT16: 2,
  DATA_TYPE_INT16: 2,
  DATA_TYPE_FLOAT16: 2,
  DATA_TYPE_UINT32: 4,
  DATA_TYPE_INT32: 4,
  DATA_TYPE_FLOAT32: 4,
  DATA_TYPE_UINT64: 8,
  DATA_TYPE_INT64: 8,
  DATA_TYPE_FLOAT64: 8,
};
/** Zeros of more than this are no cheap call: its health must do. */
const ZEROS_BYTES_MAX = 2 ** 20;

/** `ask` sends a unary call to the instance. Rejects as it does. */
export async function synthetic(
  { capability, models: [model] }: Pick<Instance, 'capability' | 'models'>,
  ask: (call: Synthetic) => Promise<Buffer>,
): Promise<Synthetic> {
  const method = TEXT_METHODS[capability];
  if (method !== undefined) return { method, request: TEXT_REQUEST };
  if (capability !== 'infer' || model === undefined) return HEALTH;
  const { DescribeModel, Infer } = definition('plexus.v1.Infer');
  const described = DescribeModel.responseDeserialize(
    await ask({ method: 'plexus.v1.Infer/DescribeModel', request: DescribeModel.requestSerialize({ model }) }),
  );
  let bytes = 0;
  const inputs = described.inputs.map(({ name, type, shape: axes }) => {
    const shape = axes.map(({ fixed }) => fixed ?? 1);
    const count = shape.reduce((product, size) => product * size, 1);
    const size = count * (ELEMENT_BYTES[type] ?? 1);
    bytes += size;
    if (bytes > ZEROS_BYTES_MAX) return {};
    return type === 'DATA_TYPE_STRING'
      ? { name, type, shape, strings: Array<string>(count).fill('') }
      : { name, type, shape, data: Buffer.alloc(size) };
  });
  if (bytes > ZEROS_BYTES_MAX) return HEALTH;
  return { method: 'plexus.v1.Infer/Infer', request: Infer.requestSerialize({ model, inputs }) };
}
