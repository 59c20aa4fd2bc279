/** The starter models, opened as the services open them. */
import { join } from 'node:path';
import { readSettings } from '../../chassis/settings.js';
import { type EncoderModel, inferenceSettings, openEncoder } from '../../inference/index.js';
import { createRepository, parseReference, type StoredModel } from '../../models/index.js';
import { packageRoot } from '../../protos/index.js';

export const starterRepository = createRepository({ folders: [join(packageRoot, 'models', 'store')] });

/** A model of models/store by reference: "minilm-l3-en@1". */
export function starter(reference: string): Promise<StoredModel> {
  return starterRepository.find(parseReference(reference));
}

/** The same, with its weights; close it. */
export async function openStarter(reference: string): Promise<EncoderModel> {
  return openEncoder(await starter(reference), readSettings(inferenceSettings, {}));
}
