/** Which relative paths may stand in a model: what a manifest may list and a pull may write. */

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$/;
/** Folders inside a model: "onnx/model.onnx", "1_Pooling/config.json". */
const DEPTH_MAX = 4;

/**
 * True for a relative path with "/" that stays inside its folder on every system: no "..", no hidden or empty segment, no
 * drive, backslash, control character or name that Windows reserves.
 */
export function isSafePath(path: string): boolean {
  const segments = path.split('/');
  return (
    segments.length <= DEPTH_MAX &&
    segments.every((segment) => SEGMENT.test(segment) && !segment.endsWith('.') && !RESERVED.test(segment))
  );
}

const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** "name" or "org/name", as in a reference. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$/;
/** As in a reference after "@". */
export const MODEL_VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
