/** What a pull tells while it runs, for progress bars and logs. */
export type PullEvent =
  | { at: 'resolved'; name: string; version: string; commit?: string; files: number; bytes: number }
  | { at: 'file'; path: string; bytes: number; from: 'network' | 'resumed' | 'staged' | 'cache' }
  /** More bytes of the whole are here; `bytes` may fall where a file starts again. */
  | { at: 'bytes'; path: string; bytes: number; of: number; totalBytes: number; totalOf: number }
  | { at: 'retry'; what: string; why: string; delayMs: number }
  | { at: 'installed'; name: string; version: string; already: boolean };

export type OnPullEvent = (event: PullEvent) => void;
