/** What of a caller's metadata goes on to a service, and what of a service's trailers goes back to the caller. */
import type { CallContext } from '../../chassis/call.js';
import { LOAD_REPORT_KEY } from '../../chassis/load-report.js';

/** Sent on; everything else, credentials included, ends at the gateway. */
const FORWARDED = ['traceparent', 'tracestate', 'x-plexus-criticality', 'x-plexus-tenant'] as const;

export function forwarded(context: Pick<CallContext, 'requestId' | 'metadata'>): Record<string, string> {
  const sent: Record<string, string> = { 'x-request-id': context.requestId };
  for (const key of FORWARDED) {
    const value = context.metadata.get(key);
    if (value !== undefined) sent[key] = value;
  }
  return sent;
}

/** The service's trailers with who answered, how many attempts it took and whether it was another call's answer; transport keys and the request id are the gateway's own. */
export function answered(
  context: Pick<CallContext, 'setTrailer'>,
  {
    trailers,
    instance,
    attempts,
    cached = false,
  }: {
    trailers: Readonly<Record<string, string>>;
    instance: string | undefined;
    attempts: number;
    cached?: boolean;
  },
): void {
  for (const [key, value] of Object.entries(trailers)) {
    if (!key.startsWith('grpc-') && !OWN.has(key)) context.setTrailer(key, value);
  }
  if (instance !== undefined) context.setTrailer('x-plexus-instance', instance);
  context.setTrailer('x-plexus-attempts', String(attempts));
  if (cached) context.setTrailer('x-plexus-cached', 'true');
}

const OWN = new Set<string>(['x-request-id', 'content-type', 'date', LOAD_REPORT_KEY]); // the load is the service's, not ours
