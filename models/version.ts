/**
 * Which of two versions is newer. Numbers compare as numbers ("10" after "9", "1.10" after "1.9"); a release is newer than its
 * candidates ("2" after "2-rc1"), while any other suffix is a later variant ("2-int8" after "2"). Versions that are commits of
 * a hub have no order of their own: a numbered version beats them, and between two the manifest's `created` decides.
 */

/** As `plexus models pull` names them: "751bff37182d-int8". */
const COMMIT = /^(?:[0-9a-f]{12}(?:-(?:fp32|fp16|int8|q4))?|[0-9a-f]{40})$/;
const CANDIDATE = /^(?:alpha|beta|rc|dev|pre|preview|snapshot|canary)\d*$/i;

/** True where a version is the (shortened) commit of a hub. */
export function isCommit(version: string): boolean {
  return COMMIT.test(version);
}

/** Negative where `a` is newer than `b`: sorts newest first. */
export function compareVersions(a: string, b: string): number {
  if (isCommit(a) !== isCommit(b)) return isCommit(a) ? 1 : -1;
  const left = pieces(a);
  const right = pieces(b);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const order = comparePieces(left[index], right[index]);
    if (order !== 0) return order;
  }
  return a < b ? 1 : a > b ? -1 : 0;
}

/** "v1.10-rc2" -> ["1", "10", "rc2"]. */
function pieces(version: string): string[] {
  return version.replace(/^v(?=\d)/i, '').split(/[.\-_]/);
}

function comparePieces(a: string | undefined, b: string | undefined): number {
  const left = rank(a);
  const right = rank(b);
  if (left !== right) return right - left;
  if (a === undefined || b === undefined || a === b) return 0;
  return b.localeCompare(a, 'en', { numeric: true });
}

/** A candidate is older than nothing at all, which is older than a word, which is older than a number. */
function rank(piece: string | undefined): number {
  if (piece === undefined) return 1;
  if (CANDIDATE.test(piece)) return 0;
  return /^\d/.test(piece) ? 3 : 2;
}
