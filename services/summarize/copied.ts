/** Whether a model that should have written has copied: no sentence of the summary is its own. */
import { inSlices } from '../../inference/extract/index.js';
import { rpcTurns } from '../../inference/turns.js';

/** Code units whose white space is made single spaces in one go. */
const FLAT_UNITS = 65_536;

/** True where every sentence of the summary stands in the source as it is, white space apart. */
export async function copied(source: string, summary: readonly string[]): Promise<boolean> {
  const pieces: string[] = [];
  await inSlices(Math.ceil(source.length / FLAT_UNITS), rpcTurns, (index) => {
    const piece = source.slice(index * FLAT_UNITS, (index + 1) * FLAT_UNITS).replace(/\s+/g, ' ');
    pieces.push(pieces.at(-1)?.endsWith(' ') ? piece.trimStart() : piece);
  });
  const flat = pieces.join('');
  let missing = 0;
  await inSlices(summary.length, rpcTurns, (index) => {
    if (missing === 0 && !flat.includes(summary[index] as string)) missing++;
  });
  return missing === 0;
}
