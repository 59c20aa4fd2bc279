/** Memory that is given back at once instead of when the collector comes. */
import { MessageChannel } from 'node:worker_threads';

/**
 * Frees what an ArrayBuffer holds; whoever still has it finds it empty. onnxruntime-node copies every output into a new ArrayBuffer,
 * 393 KB for 256 tokens of 384 numbers, and its Tensor.dispose() only drops the reference: 30 to 40 MB a worker pile up before V8
 * sees a reason to collect (bench/results/memory.md). A message to a port that is closed takes the memory along.
 */
export function createDiscard(): (buffer: ArrayBuffer) => void {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.unref();
  return (buffer) => {
    try {
      port1.postMessage(null, [buffer]);
    } catch {
      // Memory that cannot be given away: the collector will come.
    }
  };
}
