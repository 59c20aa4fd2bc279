/**
 * One GET: redirects followed by hand, so that the token goes to the origin it was given for and to no other, answers turned
 * into error codes, and a watch that drops a connection which has stalled or only drips. Retrying is up to the caller.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { retryAfterMs } from './retry.js';
import { isProtected } from './source.js';

export interface Http {
  clock: Clock;
  /** A connection that sends no answer, or less than STALL_BYTES_MIN, in this time is dropped. */
  stallMs: number;
  /** Sent to `tokenOrigin` only. */
  token: string;
  tokenOrigin: string;
  signal: AbortSignal | undefined;
}

/** What a window of stallMs must bring: a connection below this would take days, a new one may be quick. */
const STALL_BYTES_MIN = 16 * 1_024;
const REDIRECTS_MAX = 8;
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504, 520, 522, 524]);

export interface Opened {
  response: Response;
  /** Headers of the first answer, before redirects: where the hub says what the file is. */
  first: Headers;
  /** The body, watched. Ends with PULL_UNAVAILABLE where the connection breaks or stalls. */
  body(): AsyncGenerator<Uint8Array>;
  /** Lets go of the connection. */
  close(): void;
}

/** Opens `url`; throws PULL_* for every answer that is not 2xx or 416. */
export async function open(http: Http, url: URL, headers: Readonly<Record<string, string>> = {}): Promise<Opened> {
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  if (http.signal?.aborted) throw aborted(http.signal);
  http.signal?.addEventListener('abort', onAbort, { once: true });
  const close = (): void => {
    http.signal?.removeEventListener('abort', onAbort);
    stop.abort();
  };
  const cancelTimer = http.clock.after(http.stallMs, () => stop.abort());
  try {
    const { response, first } = await follow(http, url, headers, stop.signal);
    if (!response.ok && response.status !== 416) throw await refusal(http, response, first, url);
    return { response, first, body: () => watched(http, response, url, stop, close), close };
  } catch (error) {
    close();
    throw asPullError(error, http, url);
  } finally {
    cancelTimer();
  }
}

/** A JSON answer of at most `bytesMax`. */
export async function readJson(opened: Opened, bytesMax: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of opened.body()) {
    size += chunk.byteLength;
    if (size > bytesMax) throw new MeshError('PULL_REFUSED', `an answer of the hub has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    // A truncated or rewritten answer (a captive portal): another try may get the real one.
    throw new MeshError('PULL_UNAVAILABLE', 'the answer is not JSON', { cause: error });
  }
}

async function follow(
  http: Http,
  from: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ response: Response; first: Headers }> {
  let url = from;
  let first: Headers | undefined;
  for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
    // Not in the clear either: a mirror over http: works without a token only.
    const authorized = http.token !== '' && url.origin === http.tokenOrigin && isProtected(url);
    const response = await fetch(url, {
      redirect: 'manual',
      signal,
      headers: {
        ...headers,
        // Lengths and ranges are of the bytes as stored.
        'accept-encoding': 'identity',
        'user-agent': 'plexus',
        ...(authorized && { authorization: `Bearer ${http.token}` }),
      },
    });
    first ??= response.headers;
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || response.status === 304 || location === null)
      return { response, first };
    await response.body?.cancel();
    const next = new URL(location, url);
    if (isProtected(url) && !isProtected(next))
      throw new MeshError(
        'PULL_REFUSED',
        `${url.host} redirects to ${next.protocol}//${next.host}, which is not https:`,
      );
    url = next;
  }
  throw new MeshError('PULL_UNAVAILABLE', `${from.host} redirects more than ${REDIRECTS_MAX} times`);
}

/** The error for an answer that is no success. The hub gives its own reason in X-Error-Code and X-Error-Message. */
async function refusal(http: Http, response: Response, first: Headers, url: URL): Promise<MeshError> {
  await response.body?.cancel().catch(() => {});
  const code = first.get('x-error-code') ?? response.headers.get('x-error-code') ?? '';
  const said = (first.get('x-error-message') ?? '').slice(0, 200);
  const where = `${url.host} answers ${response.status}${code ? ` ${code}` : ''} for ${url.pathname}${said ? `: ${said}` : ''}`;
  const { status } = response;
  if (status === 401 || status === 403) {
    const hint =
      code === 'GatedRepo'
        ? 'accept the conditions on its page, and set HF_TOKEN'
        : http.token
          ? 'HF_TOKEN does not allow it, or there is no such model'
          : 'there is no such model, or it is private: check the name, or set HF_TOKEN';
    return new MeshError('PULL_UNAUTHORIZED', `${where}; ${hint}`);
  }
  if (status === 404 || status === 410) return new MeshError('PULL_NOT_FOUND', where);
  if (!RETRYABLE.has(status)) return new MeshError('PULL_REFUSED', where);
  const delayMs = retryAfterMs(response.headers, http.clock.now());
  return new MeshError('PULL_UNAVAILABLE', where, delayMs === undefined ? {} : { retryAfterMs: delayMs });
}

async function* watched(
  http: Http,
  response: Response,
  url: URL,
  stop: AbortController,
  close: () => void,
): AsyncGenerator<Uint8Array> {
  let windowBytes = 0;
  let stalled = false;
  let cancelTimer = (): void => {};
  const watch = (): void => {
    cancelTimer = http.clock.after(http.stallMs, () => {
      if (windowBytes < STALL_BYTES_MIN) {
        stalled = true;
        stop.abort();
      } else {
        windowBytes = 0;
        watch();
      }
    });
  };
  watch();
  try {
    if (!response.body) return;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      windowBytes += chunk.byteLength;
      yield chunk;
    }
  } catch (error) {
    if (stalled)
      throw new MeshError(
        'PULL_UNAVAILABLE',
        `${url.host} sent less than ${STALL_BYTES_MIN} bytes in ${http.stallMs} ms`,
        { cause: error },
      );
    throw asPullError(error, http, url);
  } finally {
    cancelTimer();
    close();
  }
}

function asPullError(error: unknown, http: Http, url: URL): unknown {
  if (error instanceof MeshError) return error;
  if (http.signal?.aborted) return aborted(http.signal);
  const { cause } = error as { cause?: { code?: string; message?: string } };
  const why = cause?.code ?? cause?.message ?? (error as Error).name;
  return new MeshError('PULL_UNAVAILABLE', `${url.host} cannot be reached or broke off (${why})`, { cause: error });
}

function aborted(signal: AbortSignal): unknown {
  return signal.reason instanceof MeshError
    ? signal.reason
    : new MeshError('CANCELLED', 'the pull was stopped; what was downloaded is kept and resumed');
}
