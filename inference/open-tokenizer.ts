/** The tokenizer of a model folder, its errors made safe to show. */
import { MeshError } from '../chassis/errors.js';
import type { StoredModel } from '../models/index.js';
import { loadTokenizer, type Tokenizer, TokenizerError } from './tokenizer/index.js';

/** MODEL_UNSUPPORTED says which part of the tokenizer is not supported; paths of this machine are left out. */
export async function openTokenizer({ manifest, folder }: StoredModel): Promise<Tokenizer> {
  try {
    return await loadTokenizer(folder);
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    const reason = error.message.replaceAll(folder, 'its folder');
    throw new MeshError('MODEL_UNSUPPORTED', `${manifest.name}@${manifest.version} cannot be run: ${reason}`, {
      cause: error,
    });
  }
}
