/** How long a caller gives an HTTP request: x-timeout-ms, grpc-timeout ("500m", "2S") or timeout ("2s", "500ms", seconds). */
import type { IncomingHttpHeaders } from 'node:http';
import { fieldError } from '../../chassis/errors.js';

const GRPC_UNITS_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000001 };

/** Milliseconds, at most `maxMs`; undefined where none is given. Throws FIELD_INVALID that names the header. */
export function readTimeoutMs(headers: IncomingHttpHeaders, maxMs: number): number | undefined {
  for (const [name, read, allowed] of READERS) {
    const given = headers[name];
    if (given === undefined) continue;
    const ms = typeof given === 'string' ? read(given.trim()) : undefined;
    if (ms === undefined || !Number.isFinite(ms)) throw fieldError('FIELD_INVALID', name, `must be ${allowed}`);
    return Math.min(ms, maxMs);
  }
  return undefined;
}

const READERS: [string, (text: string) => number | undefined, string][] = [
  [
    'x-timeout-ms',
    (text) => (/^\d{1,12}$/.test(text) ? Number(text) : undefined),
    'milliseconds as a whole number: 2000',
  ],
  [
    'grpc-timeout',
    (text) => {
      const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
      return digits === undefined ? undefined : Number(digits) * (GRPC_UNITS_MS[unit ?? ''] ?? Number.NaN);
    },
    'digits and a unit (H, M, S, m, u, n): 2S',
  ],
  [
    'timeout',
    (text) => {
      const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|)$/.exec(text) ?? [];
      return digits === undefined ? undefined : Number(digits) * (unit === 'ms' ? 1 : 1_000);
    },
    'seconds or a duration: 2, 2s, 500ms',
  ],
];
