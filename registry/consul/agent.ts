/**
 * The few calls Plexus makes to a Consul agent, typed, cancellable and with MeshErrors out, over the consul package. Registration
 * goes through its raw PUT, since its own `register` drops weights silently; watches are made in discover.ts, since its own
 * backs off to 30 seconds, has no jitter and cannot be told that an index is from before a failure.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import Consul from 'consul';
import { abortReason, MeshError } from '../../chassis/errors.js';
import type { ServiceDefinition, ServiceEntry } from './entry.js';
import type { ConsulSettings } from './settings.js';

/** What a blocking query found. */
export interface Healthy {
  entries: readonly ServiceEntry[];
  /** X-Consul-Index; 0 where the agent sent none. */
  index: bigint;
}

/** What is asked of /v1/agent/self. */
export interface AgentInfo {
  /** "1.8.7"; undefined where the token may not read it. */
  version: string | undefined;
}

export interface ConsulAgent {
  /** Where it is, for messages. */
  readonly address: string;
  info(signal: AbortSignal): Promise<AgentInfo>;
  /** Rejects with REGISTRY_UNAVAILABLE and fact "refused" where the token is wrong, or missing where one is needed. */
  checkToken(signal: AbortSignal): Promise<void>;
  /** Passing instances; answers when something changed after `index`, or after about `waitMs`. */
  healthy(service: string, query: { index: bigint; waitMs: number }, signal: AbortSignal): Promise<Healthy>;
  register(definition: ServiceDefinition, signal: AbortSignal): Promise<void>;
  deregister(serviceId: string, signal: AbortSignal): Promise<void>;
  /** What the agent has under this id; undefined where it has forgotten it. */
  service(serviceId: string, signal: AbortSignal): Promise<AgentService | undefined>;
  close(): void;
}

export interface AgentService {
  Address: string;
  Port: number;
  Meta: Record<string, string> | null;
}

/** Every request but a blocking query must be answered within this. */
const REQUEST_MS = 5_000;
const WANTS_TOKEN = 'wants an ACL token and none was given: set CONSUL_HTTP_TOKEN or CONSUL_HTTP_TOKEN_FILE';
const ANONYMOUS = '00000000-0000-0000-0000-000000000002';

type Settings = Omit<ConsulSettings, 'consulPrefix' | 'consulCheckMs' | 'consulCheckTls' | 'consulCheckTlsServerName'>;

/** A papi request: the consul package is one, and says so in its code but not in its types. */
interface RawClient {
  _get(options: RawRequest): Promise<RawResponse>;
  _put(options: RawRequest): Promise<RawResponse>;
}
interface RawRequest {
  name: string;
  path: string;
  params?: Record<string, string>;
  query?: Record<string, string>;
  headers: Record<string, string>;
  body?: unknown;
  ctx: EventEmitter;
  timeout: number;
}
interface RawResponse {
  headers: Record<string, string | undefined>;
  body: unknown;
}

export function createConsulAgent(settings: Settings): ConsulAgent {
  const { url, secure } = parseAddress(settings.consulAddress || '127.0.0.1:8500', settings.consulSsl);
  const address = url.host;
  const read = (file: string): Buffer | undefined => (file === '' ? undefined : readFileSync(file));
  const agent = secure
    ? new HttpsAgent({
        keepAlive: true,
        ca: read(settings.consulCaFile),
        cert: read(settings.consulCertFile),
        key: read(settings.consulKeyFile),
        ...(settings.consulTlsServerName !== '' && { servername: settings.consulTlsServerName }),
      })
    : new HttpAgent({ keepAlive: true });
  const consul = new Consul({ host: url.hostname, port: Number(url.port), secure, agent });
  const raw = consul as unknown as RawClient;

  const headers = (): Record<string, string> => {
    const token =
      settings.consulToken || (settings.consulTokenFile && readFileSync(settings.consulTokenFile, 'utf8').trim());
    return token ? { 'x-consul-token': token } : {};
  };

  /** The last failure to reach the agent, until it is reached again. */
  let away: MeshError | undefined;
  let trying = false;

  /** Runs one request with its own cancel emitter, and turns what it throws into a MeshError. */
  const request = async (
    method: '_get' | '_put',
    given: Omit<RawRequest, 'headers' | 'ctx' | 'timeout' | 'name'> & { timeout?: number },
    signal: AbortSignal,
  ): Promise<RawResponse> => {
    if (signal.aborted) throw abortReason(signal);
    // While the agent is away one request at a time finds out whether it is back, and the others fail as it did: each may
    // hold a thread of the name resolver for seconds, and the whole process has four.
    if (away && trying) throw away;
    const trial = away !== undefined;
    trying ||= trial;
    const ctx = new EventEmitter();
    const onAbort = (): void => void ctx.emit('cancel');
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const answer = await raw[method]({ timeout: REQUEST_MS, ...given, name: given.path, headers: headers(), ctx });
      away = undefined;
      return answer;
    } catch (error) {
      if (signal.aborted) throw abortReason(signal);
      const failure = unavailable(address, error);
      away = responseStatus(error) === undefined ? failure : undefined;
      throw failure;
    } finally {
      if (trial) trying = false;
      signal.removeEventListener('abort', onAbort);
    }
  };

  return {
    address,
    async info(signal) {
      try {
        const { body } = await request('_get', { path: '/agent/self' }, signal);
        return { version: (body as { Config?: { Version?: string } }).Config?.Version };
      } catch (error) {
        if (isRefused(error)) return { version: undefined };
        throw error;
      }
    },
    async checkToken(signal) {
      let self: { AccessorID?: string };
      try {
        self = (await request('_get', { path: '/acl/token/self' }, signal)).body as typeof self;
      } catch (error) {
        if (statusOf(error) === 401) return; // "ACL support disabled"
        if (isRefused(error) && Object.keys(headers()).length === 0) throw refused(address, WANTS_TOKEN, error);
        throw error;
      }
      if (self.AccessorID !== ANONYMOUS) return;
      // Without a token Consul answers 200 and an empty list: nothing would ever be found, and nothing would say why.
      const { body } = await request('_get', { path: '/catalog/services', query: { stale: '1' } }, signal);
      if (Object.keys(body as object).length === 0) {
        throw refused(address, WANTS_TOKEN);
      }
    },
    async healthy(service, { index, waitMs }, signal) {
      const query: Record<string, string> = { passing: '1', stale: '1', index: String(index), wait: `${waitMs}ms` };
      if (settings.consulDatacenter) query.dc = settings.consulDatacenter;
      // Consul adds up to a sixteenth of the wait, so that watchers do not return in step.
      const timeout = waitMs * 1.1 + REQUEST_MS;
      const { body, headers: answered } = await request(
        '_get',
        { path: '/health/service/{service}', params: { service }, query, timeout },
        signal,
      );
      if (!Array.isArray(body)) throw unavailable(address, new Error('the answer is not a list of instances'));
      return { entries: body as ServiceEntry[], index: parseIndex(answered['x-consul-index']) };
    },
    async register(definition, signal) {
      await request('_put', { path: '/agent/service/register', body: definition }, signal);
    },
    async deregister(serviceId, signal) {
      try {
        await request('_put', { path: '/agent/service/deregister/{id}', params: { id: serviceId } }, signal);
      } catch (error) {
        if (statusOf(error) !== 404) throw error; // newer agents: unknown, which is what was wanted
      }
    },
    async service(serviceId, signal) {
      try {
        return (await request('_get', { path: '/agent/service/{id}', params: { id: serviceId } }, signal))
          .body as AgentService;
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },
    close: () => agent.destroy(),
  };
}

/** True where the agent answered and said no to the token: trying again with the same one is of no use. */
export function isRefused(error: unknown): boolean {
  return error instanceof MeshError && error.facts.refused === 'true';
}

function refused(address: string, why: string, cause?: unknown): MeshError {
  return new MeshError('REGISTRY_UNAVAILABLE', `Consul at ${address} ${why}`, { facts: { refused: 'true' }, cause });
}

function unavailable(address: string, cause: unknown): MeshError {
  const status = responseStatus(cause);
  const text = cause instanceof Error ? cause.message.replace(/^consul: (\/\S+: )?/, '') : String(cause);
  if (status === 403)
    return refused(address, `refuses the token (${text}): check CONSUL_HTTP_TOKEN and its policies`, cause);
  return new MeshError('REGISTRY_UNAVAILABLE', `Consul at ${address} cannot be used: ${text}`, { cause });
}

function statusOf(error: unknown): number | undefined {
  return error instanceof MeshError ? responseStatus(error.cause) : undefined;
}

function responseStatus(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}

function parseIndex(text: string | undefined): bigint {
  return text !== undefined && /^\d{1,20}$/.test(text) ? BigInt(text) : 0n;
}

function parseAddress(text: string, ssl: boolean): { url: URL; secure: boolean } {
  const given = /^https?:\/\//.test(text) ? text : `${ssl ? 'https' : 'http'}://${text}`;
  if (!URL.canParse(given))
    throw new Error(`CONSUL_HTTP_ADDR is "${text}"; it must be host:port or an http:// or https:// URL`);
  const url = new URL(given);
  const secure = ssl || url.protocol === 'https:';
  if (url.port === '') url.port = secure && url.protocol === 'https:' ? '443' : '80';
  return { url, secure };
}
