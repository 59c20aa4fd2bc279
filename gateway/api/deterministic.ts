/**
 * Which calls get an equal answer for equal bytes from the same model, so that equal ones in flight may be joined and their
 * answer kept. Not those of infer: a graph may draw random numbers, and what DescribeModel says changes with what is loaded.
 */
import { wireFields } from '../pipeline/wire.js';

const PURE = new Set<string>(['tokenize', 'embed', 'classify']);
/** Larger requests are seldom equal, and comparing them costs more than it saves. */
const BYTES_MAX = 16 * 1_024;

/** SummarizeRequest, and GenerationParameters in its field 5. */
const MODE = 3;
const EXTRACTIVE = 1;
const GENERATION = 5;
const DO_SAMPLE = 12;
const SEED = 18;

/** True where nothing random has a part in the answer, as far as the request says. */
export function isDeterministic(capability: string, request: Buffer): boolean {
  if (request.length > BYTES_MAX) return false;
  return PURE.has(capability) || (capability === 'summarize' && samplesNothing(request));
}

/**
 * Extractive, or generation that does not sample or samples with a seed. A request that does not say is as its model's
 * generation_config.json says, which is not known here.
 */
function samplesNothing(request: Buffer): boolean {
  let extractive = false;
  let settled = false;
  try {
    for (const { number, type, start, end } of wireFields(request)) {
      if (number === MODE && type === 0) extractive = request[start] === EXTRACTIVE;
      if (number !== GENERATION || type !== 2) continue;
      const parameters = request.subarray(start, end);
      for (const field of wireFields(parameters)) {
        if (field.number === SEED) settled = true;
        else if (field.number === DO_SAMPLE) settled ||= parameters[field.start] === 0;
      }
    }
  } catch (error) {
    if (error instanceof RangeError) return false; // not a message: the service says so
    throw error;
  }
  return extractive || settled;
}
