/**
 * The traffic of a model as `plexus tune --traffic` reads it: one line a request with its time and the tokens of its texts, never
 * the texts. Off unless PLEXUS_RECORD names a file; several models and processes may share it. Ends for good when the file is
 * full, and never holds up a request: lines are kept and written together.
 */
import { appendFile, stat } from 'node:fs/promises';
import type { Clock } from '../chassis/clock.js';

export interface Recorder {
  /** A request came whose texts have so many tokens each. */
  note(tokens: readonly number[]): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

export interface RecorderOptions {
  /** "minilm-l3-en@1". */
  model: string;
  file: string;
  /** Size of the file at which recording ends. */
  bytesMax: number;
  clock: Clock;
}

const FLUSH_MS = 1_000;
/** Lines that wait for a slow disk; those that come then are lost. */
const WAITING_BYTES_MAX = 1_048_576;

export function createRecorder({ model, file, bytesMax, clock }: RecorderOptions): Recorder {
  let waiting = '';
  let over = false;
  let cancelFlush: (() => void) | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function write(lines: string): Promise<void> {
    const size = await stat(file).then(
      (found) => found.size,
      () => 0, // the first line makes it
    );
    if (size + lines.length > bytesMax) over = true;
    else await appendFile(file, lines);
  }

  function flush(): void {
    cancelFlush?.();
    cancelFlush = undefined;
    const lines = waiting;
    waiting = '';
    if (lines === '') return;
    writing = writing
      .then(() => (over ? undefined : write(lines)))
      .catch((error: unknown) => {
        over = true; // a full or missing disk must not touch the requests
        process.emitWarning(`PLEXUS_RECORD: nothing more is recorded: ${(error as Error).message}`);
      });
  }

  return {
    note(tokens) {
      if (over || waiting.length > WAITING_BYTES_MAX) return;
      waiting += `${JSON.stringify({ at: clock.now(), model, tokens })}\n`;
      cancelFlush ??= clock.after(FLUSH_MS, flush);
    },
    async close() {
      flush();
      await writing;
    },
  };
}
