/**
 * The tensors of a call in one shared memory, each at an address its element type can be read from. Numbers are copied once on
 * this thread, out of the message, and once in the worker, where rows are joined anyway; a retry after a lost worker finds them
 * unharmed, which a transfer would not leave. Fresh memory costs about 0.5 ms a MB (mostly page faults, measured on two cores),
 * so a large call is copied in slices, a turn of the event loop each.
 */
import { rpcTurns, type Turns } from '../turns.js';
import type { PackedTensor } from './protocol.js';
import { byteLengthOf, type Tensor } from './signature.js';

export interface Packed {
  memory: SharedArrayBuffer;
  inputs: PackedTensor[];
  /** Of numbers and strings. */
  bytes: number;
}

/** Bytes copied in one go: some 0.3 ms. */
const SLICE_BYTES = 512 * 1024;

/** Stops early, with what is copied by then, when the signal aborts: its caller is gone. */
export async function pack(
  tensors: readonly Tensor[],
  signal: AbortSignal,
  clock: { monotonic(): number },
  turns: Turns = rpcTurns,
): Promise<Packed> {
  let size = 0;
  let bytes = 0;
  const inputs = tensors.map((tensor): PackedTensor => {
    const { name, type, dims, data } = tensor;
    const length = byteLengthOf(tensor);
    bytes += length;
    if (!(data instanceof Uint8Array)) return { name, type, dims, at: 0, bytes: length, strings: data };
    const at = size;
    size += Math.ceil(length / 8) * 8;
    return { name, type, dims, at, bytes: length };
  });
  const memory = new SharedArrayBuffer(size);
  for (let index = 0; index < tensors.length; index++) {
    const { data } = tensors[index] as Tensor;
    if (!(data instanceof Uint8Array)) continue;
    const into = new Uint8Array(memory, inputs[index]?.at, data.byteLength);
    for (let from = 0; from < data.byteLength && !signal.aborted; from += SLICE_BYTES) {
      if (size > SLICE_BYTES) await turns.take();
      const startedMs = clock.monotonic();
      into.set(data.subarray(from, from + SLICE_BYTES), from);
      if (size > SLICE_BYTES) turns.spent(clock.monotonic() - startedMs);
    }
  }
  return { memory, inputs, bytes };
}
