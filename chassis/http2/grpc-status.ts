/** Outcomes of a gRPC call as HTTP/2 carries them: trailers, reset codes, HTTP status -> MeshError. By the gRPC specification (PROTOCOL-HTTP2, http-grpc-status-mapping). */

import { status as Grpc } from '@grpc/grpc-js';
import { MeshError } from '../errors.js';
import { LOAD_REPORT_KEY } from '../load-report.js';
import { fromWireStatus } from '../status.js';
import { Code, codeName } from './codes.js';
import type { HeaderList } from './hpack-decoder.js';

/** The value of a header; undefined where it is not there. */
export function headerOf(list: HeaderList, name: string): string | undefined {
  for (let at = 0; at < list.length; at += 2) if (list[at] === name) return list[at + 1];
  return undefined;
}

/** Headers that a handler or caller may see: all but pseudo-headers, the status and its words, and binary ones. */
export function plainHeaders(list: HeaderList): Record<string, string> {
  const plain: Record<string, string> = {};
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] as string;
    if (name.charCodeAt(0) === 0x3a || name === 'grpc-status' || name === 'grpc-message') continue;
    if (name.endsWith('-bin') && name !== LOAD_REPORT_KEY) continue; // binary, and nobody's text
    const before = plain[name];
    plain[name] = before === undefined ? (list[at + 1] as string) : `${before}, ${list[at + 1]}`;
  }
  return plain;
}

/** What the trailers say went wrong; undefined for OK. Without a status the HTTP status has to tell. */
export function errorOfTrailers(list: HeaderList, httpStatus: string | undefined): MeshError | undefined {
  const status = headerOf(list, 'grpc-status');
  if (status === '0') return undefined;
  if (status === undefined) return errorOfHttp(httpStatus);
  const code = /^\d{1,2}$/.test(status) ? Number(status) : Grpc.UNKNOWN;
  const details = headerOf(list, 'grpc-status-details-bin');
  return fromWireStatus(
    code,
    decodeMessage(headerOf(list, 'grpc-message') ?? ''),
    details === undefined ? undefined : Buffer.from(details, 'base64'),
  );
}

/** An answer that is no gRPC: a proxy in between, or a server of another kind. */
export function errorOfHttp(httpStatus: string | undefined): MeshError {
  const text = `the peer answered with HTTP status ${httpStatus} and no gRPC status`;
  switch (httpStatus) {
    case '200':
      return lost('the answer ended without a gRPC status');
    case '400':
      return fromWireStatus(Grpc.INTERNAL, text, undefined);
    case '401':
      return fromWireStatus(Grpc.UNAUTHENTICATED, text, undefined);
    case '403':
      return fromWireStatus(Grpc.PERMISSION_DENIED, text, undefined);
    case '404':
      return fromWireStatus(Grpc.UNIMPLEMENTED, text, undefined);
    case '429':
    case '502':
    case '503':
    case '504':
      return lost(text);
    default:
      return fromWireStatus(Grpc.UNKNOWN, text, undefined);
  }
}

/** A stream that the peer reset. */
export function errorOfReset(code: number): MeshError {
  const text = `the peer reset the stream (${codeName(code)})`;
  switch (code) {
    case Code.CANCEL:
      return fromWireStatus(Grpc.CANCELLED, 'Call cancelled', undefined);
    case Code.ENHANCE_YOUR_CALM:
      return fromWireStatus(Grpc.RESOURCE_EXHAUSTED, text, undefined);
    case Code.INADEQUATE_SECURITY:
      return fromWireStatus(Grpc.PERMISSION_DENIED, text, undefined);
    default:
      return lost(text); // it died in the middle of an answer, or never began it
  }
}

/** The instance could not be reached, or not for long enough. `why` is for the log: it may name addresses. */
export function lost(why: string): MeshError {
  return new MeshError('UPSTREAM_UNREACHABLE', 'the instance could not be reached, or was lost during the call', {
    cause: new Error(why),
  });
}

/** grpc-message: percent-encoded UTF-8. What is not is left as it came. */
function decodeMessage(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
