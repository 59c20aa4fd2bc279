/** Where a command writes and what it knows of its surroundings; an argument, so that tests read what a user would. */
import { MeshError } from '../chassis/errors.js';

export interface Io {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  /** True where standard error is a terminal: progress is drawn only there. */
  isTTY: boolean;
  env: Readonly<Record<string, string | undefined>>;
}

/** Exit codes: 0 done, 1 failed, 2 the command line was wrong. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

export function processIo(): Io {
  return { stdout: process.stdout, stderr: process.stderr, isTTY: process.stderr.isTTY === true, env: process.env };
}

/** "error CODE: message", as every command reports a failure; returns the exit code. */
export function reportError(error: unknown, io: Io): number {
  if (error instanceof MeshError) {
    io.stderr.write(`error ${error.code}: ${error.message}\n`);
    for (const { field, description } of error.violations.slice(0, 20)) {
      if (!error.message.includes(description)) io.stderr.write(`  ${field}: ${description}\n`);
    }
    return error.code === 'USAGE' ? EXIT.usage : EXIT.failed;
  }
  io.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  return EXIT.failed;
}
