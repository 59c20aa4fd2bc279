/** Keeps count of the bytes of a pull that are on the disk, file by file, and tells them as events. */
import type { OnPullEvent, PullEvent } from './events.js';

export interface Ledger {
  /** So many bytes of a file are here; fewer than before where it starts again. */
  at(path: string, bytes: number): void;
  /** The file is complete and checked. */
  done(path: string, from: Extract<PullEvent, { at: 'file' }>['from']): void;
}

export function createLedger(files: readonly { path: string; bytes: number }[], onEvent: OnPullEvent): Ledger {
  const sizes = new Map(files.map(({ path, bytes }) => [path, bytes]));
  const here = new Map<string, number>();
  const totalOf = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let totalBytes = 0;
  const at = (path: string, bytes: number): void => {
    totalBytes += bytes - (here.get(path) ?? 0);
    here.set(path, bytes);
    onEvent({ at: 'bytes', path, bytes, of: sizes.get(path) ?? bytes, totalBytes, totalOf });
  };
  return {
    at,
    done(path, from) {
      const bytes = sizes.get(path) ?? 0;
      at(path, bytes);
      onEvent({ at: 'file', path, bytes, from });
    },
  };
}
