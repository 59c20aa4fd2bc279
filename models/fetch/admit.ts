/** Which models are let in, wherever they come from: the allow list, the size limit, the pinned digest. */
import { MeshError } from '../../chassis/errors.js';
import type { Manifest } from '../manifest.js';
import { isAllowed } from './choose.js';
import type { PullContext } from './context.js';

/** PULL_REFUSED or PULL_CORRUPT where the model may not be installed. */
export function requireAllowed(manifest: Manifest, context: Pick<PullContext, 'settings' | 'digest'>): void {
  if (context.digest !== undefined && context.digest !== manifest.digest) {
    throw new MeshError('PULL_CORRUPT', `the manifest has digest ${manifest.digest}, asked for was ${context.digest}`);
  }
  const refused = manifest.files.find(({ path }) => !isAllowed(path));
  if (refused) {
    throw new MeshError(
      'PULL_REFUSED',
      `${refused.path} is not on the allow list (ONNX graphs and their data, vocabularies, .json, .txt, .md, licences)`,
      { facts: { file: refused.path } },
    );
  }
  const sum = manifest.files.reduce((total, { bytes }) => total + bytes, 0);
  const { bytesMax } = context.settings;
  if (sum > bytesMax)
    throw new MeshError(
      'PULL_REFUSED',
      `the model has ${sum} bytes; the limit is ${bytesMax} (PLEXUS_PULL_BYTES_MAX, --max-bytes)`,
    );
}
