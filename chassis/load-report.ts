/**
 * What a server says of its load with every answer: the trailer `endpoint-load-metrics-bin` holding an
 * xds.data.orca.v3.OrcaLoadReport (gRFC A51), so that any ORCA-aware client understands it. Written and read by hand: it is on the path
 * of every call, and has three kinds of field. A handler sets `-bin` trailers as base64, which is what is on the wire.
 */

export const LOAD_REPORT_KEY = 'endpoint-load-metrics-bin';

export interface LoadReport {
  /** Share of the processor time that the process may use, 0 to 1. */
  cpuUtilization: number;
  /** Calls ended a second. */
  rps: number;
  /** Calls that failed a second. */
  eps: number;
  /** By name: "queue_ms", "queue_tokens". */
  named: Readonly<Record<string, number>>;
}

/** Named metrics read at most: reports come from peers. */
const NAMED_MAX = 32;
const CPU = 1;
const RPS = 6;
const EPS = 7;
const NAMED = 8;

/** As base64. Zeros are left out, as proto3 does. */
export function encodeLoadReport({ cpuUtilization, rps, eps, named }: LoadReport): string {
  const parts: Buffer[] = [];
  const double = (field: number, value: number): Buffer => {
    const bytes = Buffer.alloc(9);
    bytes[0] = (field << 3) | 1;
    bytes.writeDoubleLE(value, 1);
    return bytes;
  };
  for (const [field, value] of [
    [CPU, cpuUtilization],
    [RPS, rps],
    [EPS, eps],
  ] as const)
    if (value > 0) parts.push(double(field, value));
  for (const [name, value] of Object.entries(named)) {
    const key = Buffer.from(name).subarray(0, 100); // lengths of one byte
    const entry = Buffer.concat([Buffer.from([0x0a, key.length]), key, double(2, value)]);
    parts.push(Buffer.from([(NAMED << 3) | 2, entry.length]), entry);
  }
  return Buffer.concat(parts).toString('base64');
}

/** Undefined where the bytes are no report. Numbers that are not finite or below zero count as zero. */
export function decodeLoadReport(base64: string): LoadReport | undefined {
  const report = { cpuUtilization: 0, rps: 0, eps: 0, named: {} as Record<string, number> };
  try {
    let names = 0;
    for (const { field, number, bytes } of fieldsOf(Buffer.from(base64, 'base64'))) {
      if (field === CPU) report.cpuUtilization = number;
      else if (field === RPS) report.rps = number;
      else if (field === EPS) report.eps = number;
      else if (field === NAMED && bytes && names++ < NAMED_MAX) {
        let name = '';
        let value = 0;
        for (const each of fieldsOf(bytes)) {
          if (each.field === 1 && each.bytes) name = each.bytes.toString();
          else if (each.field === 2) value = each.number;
        }
        if (name !== '__proto__') report.named[name] = value;
      }
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined; // cut short
    throw error;
  }
  return report;
}

interface Field {
  field: number;
  /** Of a double; else 0. */
  number: number;
  bytes: Buffer | undefined;
}

function* fieldsOf(buffer: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = buffer.readUInt8(at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint of more than 10 bytes');
  };
  while (at < buffer.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    let number = 0;
    let bytes: Buffer | undefined;
    if (type === 1) {
      number = buffer.readDoubleLE(at);
      if (!Number.isFinite(number) || number < 0) number = 0;
      at += 8;
    } else if (type === 2) {
      const length = varint();
      if (at + length > buffer.length) throw new RangeError('a field longer than its message');
      bytes = buffer.subarray(at, at + length);
      at += length;
    } else if (type === 0) varint();
    else if (type === 5) at += 4;
    else throw new RangeError(`wire type ${type}`);
    yield { field, number, bytes };
  }
}
