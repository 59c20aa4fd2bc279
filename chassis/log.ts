/** Structured logs: one JSON line an event on standard error, level by PLEXUS_LOG. */
import { destination, type Logger, pino } from 'pino';
import { MeshError } from './errors.js';

export type { Logger };

/** `name` is the instance ("embed-1"); level is a pino level or "silent". */
export function createLogger(name: string, level: string): Logger {
  return pino(
    { name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: errorForLog } },
    destination({ dest: 2, sync: false }),
  );
}

/** For tests and tools that want none. */
export const silentLogger: Logger = pino({ level: 'silent' });

/** A stack only where it helps: what has a code of its own is known, and its message says all. */
function errorForLog(error: Error): unknown {
  if (error instanceof MeshError && error.code !== 'INTERNAL') return `${error.code}: ${error.message}`;
  return pino.stdSerializers.err(error);
}
