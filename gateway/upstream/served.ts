/**
 * Which model gave an answer, where the answer says so: every response of a capability begins with `ServedModel model = 1`, and
 * has the digest of the model's files as its field 3. Read from the wire, since the stack decodes no message.
 */
import { wireFields } from '../pipeline/wire.js';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** "sha256:<hex>"; undefined where there is none. */
export function servedDigest(response: Buffer): string | undefined {
  try {
    const [model] = wireFields(response); // encoders write fields in order: the first is it, or there is none
    if (model?.number !== 1 || model.type !== 2) return undefined;
    const served = response.subarray(model.start, model.end);
    for (const { number, type, start, end } of wireFields(served)) {
      if (number !== 3 || type !== 2) continue;
      const digest = served.toString('latin1', start, end);
      return DIGEST.test(digest) ? digest : undefined;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // not a message: whoever decodes it will say so
  }
  return undefined;
}
