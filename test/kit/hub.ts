/**
 * A hub for models on this machine that speaks the routes of the real one: revisions, paged lists of files, files with their
 * hashes in headers, large files redirected to a storage of another origin that refuses tokens, errors with their codes. Faults
 * can be laid in the way of single requests, and every request is noted.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HubModel {
  files: Record<string, Buffer | string>;
  /** Branches and tags; "main" is the commit where it is left out. */
  refs?: Record<string, string>;
  commit?: string;
  /** Wants this token. */
  token?: string;
  /** The token alone is not enough: conditions were not accepted. */
  gated?: boolean;
  licence?: string;
  lastModified?: string;
}

/** What goes wrong with one request; each is used once. */
export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** The connection dies after so many bytes of the body. */
  | { kind: 'cut'; after: number }
  /** Half the body, then nothing more until the hub closes. */
  | { kind: 'hold'; after: number }
  /** One byte, then one more every `everyMs`. */
  | { kind: 'drip'; everyMs: number }
  /** Right length, wrong bytes. */
  | { kind: 'corrupt' }
  /** The whole file, although a range was asked for. */
  | { kind: 'ignore-range' }
  | { kind: 'longer' }
  | { kind: 'reset' };

export interface Noted {
  origin: 'hub' | 'storage';
  path: string;
  authorization: string | undefined;
  range: string | undefined;
  ifRange: string | undefined;
}

export interface Hub {
  endpoint: string;
  models: Map<string, HubModel>;
  requests: Noted[];
  /** Bytes of bodies that were sent, by path of the file. */
  sent: Map<string, number>;
  /** The next requests whose path ends with `path` meet these faults, one each. `origin`: where; default the one that sends the bytes. */
  fault(path: string, ...faults: Fault[]): void;
  /** Hashes, not yet lies: what the list of files says of a file. */
  announce(path: string, change: { sha256?: string; size?: number; drop?: boolean }): void;
  /** Resolves once so many bytes of a file's body were sent. */
  untilSent(path: string, bytes: number): Promise<void>;
  pageSize: number;
  close(): Promise<void>;
}

const LARGE_BYTES = 4_096;

export const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
export const gitOid = (bytes: Buffer): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
/** A commit id made of any text. */
export const commitOf = (text: string): string => createHash('sha1').update(text).digest('hex');

export async function startHub(given: Record<string, HubModel> = {}): Promise<Hub> {
  const models = new Map(Object.entries(given));
  const requests: Noted[] = [];
  const sent = new Map<string, number>();
  const faults: { path: string; fault: Fault }[] = [];
  const announced = new Map<string, { sha256?: string; size?: number; drop?: boolean }>();
  const waiters: { path: string; bytes: number; resolve: () => void }[] = [];
  const state = { pageSize: 1_000 };

  const takeFault = (path: string): Fault | undefined => {
    const index = faults.findIndex((each) => `/${path}`.endsWith(`/${each.path}`));
    return index < 0 ? undefined : faults.splice(index, 1)[0]?.fault;
  };
  const note = (origin: Noted['origin'], request: IncomingMessage): void => {
    requests.push({
      origin,
      path: decodeURIComponent((request.url ?? '').split('?')[0] ?? ''),
      authorization: request.headers.authorization,
      range: request.headers.range,
      ifRange: request.headers['if-range'] as string | undefined,
    });
  };
  const count = (path: string, bytes: number): void => {
    const now = (sent.get(path) ?? 0) + bytes;
    sent.set(path, now);
    for (const waiter of waiters) if (waiter.path === path && waiter.bytes <= now) waiter.resolve();
  };

  const storage = createServer((request, response) => {
    note('storage', request);
    // As signed addresses do: two kinds of credentials at once are refused.
    if (request.headers.authorization) return refuse(response, 400, 'OnlyOneAuth', 'Only one auth mechanism allowed');
    const [, hash = '', path = ''] = /^\/blobs\/([0-9a-f]+)\/(.*)$/.exec(decodeURIComponent(request.url ?? '')) ?? [];
    const body = [...models.values()]
      .flatMap((model) => Object.values(model.files).map(toBuffer))
      .find((bytes) => sha256(bytes) === hash);
    if (!body) return refuse(response, 404, '', 'NoSuchKey');
    sendBody(request, response, body, `"${hash.slice(0, 32)}"`, takeFault(path), (bytes) => count(path, bytes));
  });

  const hub = createServer((request, response) => {
    note('hub', request);
    const url = new URL(request.url ?? '/', 'http://hub');
    const path = decodeURIComponent(url.pathname);
    const api = /^\/api\/models\/(.+?)(?:\/(revision|tree)\/([^/]+))?$/.exec(url.pathname);
    const resolve =
      /^\/api\/resolve-cache\/models\/(.+?)\/([0-9a-f]{40})\/(.+)$/.exec(path) ??
      /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const id = decodeURIComponent(api?.[1] ?? (resolve?.[1] as string) ?? '');
    const model = models.get(id);
    // The real hub does not tell a stranger whether a model exists.
    if (!model) return refuse(response, 401, 'RepoNotFound', 'Repository not found');
    const token = request.headers.authorization?.replace('Bearer ', '');
    if (model.token !== undefined && token !== model.token)
      return refuse(response, 401, 'RepoNotFound', 'Invalid username or password.');
    if (model.gated)
      return refuse(
        response,
        403,
        'GatedRepo',
        `Access to model ${id} is restricted and you are not in the authorized list.`,
      );
    const commit = commitFor(model, decodeURIComponent(api ? (api[3] ?? 'main') : (resolve?.[2] as string)));
    if (commit === undefined) return refuse(response, 404, 'RevisionNotFound', 'Invalid rev id');
    if (api && api[2] !== 'tree') {
      const fault = takeFault(path);
      if (fault?.kind === 'status') return refuse(response, fault.status, '', 'fault', fault.headers);
      return json(response, {
        id,
        sha: commit,
        lastModified: model.lastModified,
        cardData: { license: model.licence },
        siblings: Object.keys(model.files).map((rfilename) => ({ rfilename })),
      });
    }
    if (api) return sendTree(request, response, url, model, announced, state.pageSize);
    const file = resolve?.[3] as string;
    const body = model.files[file] === undefined ? undefined : toBuffer(model.files[file]);
    if (!body) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    const large = body.length >= LARGE_BYTES;
    const headers = {
      'x-repo-commit': commit,
      'x-linked-size': String(body.length),
      'x-linked-etag': `"${large ? sha256(body) : gitOid(body)}"`,
      'accept-ranges': 'bytes',
    };
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (large) {
      const storageOrigin = `http://127.0.0.1:${(storage.address() as AddressInfo).port}`;
      response.writeHead(302, { location: `${storageOrigin}/blobs/${sha256(body)}/${file}` }).end();
    } else if (!path.startsWith('/api/resolve-cache')) {
      // Small files stay on the hub, behind a relative redirect.
      response.writeHead(307, { location: `/api/resolve-cache/models/${id}/${commit}/${file}` }).end();
    } else {
      sendBody(request, response, body, `"${gitOid(body)}"`, takeFault(file), (bytes) => count(file, bytes));
    }
  });

  await Promise.all([listen(hub), listen(storage)]);
  return {
    endpoint: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`,
    models,
    requests,
    sent,
    fault(path, ...each) {
      for (const fault of each) faults.push({ path, fault });
    },
    announce: (path, change) => void announced.set(path, change),
    untilSent: (path, bytes) =>
      new Promise((resolve) => {
        if ((sent.get(path) ?? 0) >= bytes) resolve();
        else waiters.push({ path, bytes, resolve });
      }),
    get pageSize() {
      return state.pageSize;
    },
    set pageSize(size) {
      state.pageSize = size;
    },
    close: async () => {
      await Promise.all([close(hub), close(storage)]);
    },
  };
}

function commitFor(model: HubModel, revision: string): string | undefined {
  const commit = model.commit ?? commitOf('main');
  if (revision === commit || revision === 'main') return commit;
  return model.refs?.[revision] ?? (Object.values(model.refs ?? {}).includes(revision) ? revision : undefined);
}

function sendTree(
  _request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  model: HubModel,
  announced: Map<string, { sha256?: string; size?: number; drop?: boolean }>,
  pageSize: number,
): void {
  const folders = new Set(
    Object.keys(model.files)
      .filter((path) => path.includes('/'))
      .map((path) => path.slice(0, path.lastIndexOf('/'))),
  );
  const entries = [
    ...[...folders].map((path) => ({ type: 'directory', oid: commitOf(path), size: 0, path })),
    ...Object.entries(model.files).map(([path, content]) => {
      const body = toBuffer(content);
      const said = announced.get(path);
      const size = said?.size ?? body.length;
      if (body.length < LARGE_BYTES) return { type: 'file', oid: gitOid(body), size, path };
      const pointer = Buffer.from(
        `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(body)}\nsize ${body.length}\n`,
      );
      return {
        type: 'file',
        oid: gitOid(pointer),
        size,
        path,
        ...(!said?.drop && { lfs: { oid: said?.sha256 ?? sha256(body), size, pointerSize: pointer.length } }),
      };
    }),
  ];
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const until = from + pageSize;
  if (until < entries.length) {
    url.searchParams.set('cursor', String(until));
    response.setHeader('link', `<http://${_request.headers.host}${url.pathname}${url.search}>; rel="next"`);
  }
  json(response, entries.slice(from, until));
}

function sendBody(
  request: IncomingMessage,
  response: ServerResponse,
  whole: Buffer,
  etag: string,
  fault: Fault | undefined,
  count: (bytes: number) => void,
): void {
  if (fault?.kind === 'status') {
    refuse(response, fault.status, '', 'fault', fault.headers);
    return;
  }
  if (fault?.kind === 'reset') {
    request.socket.destroy();
    return;
  }
  const content =
    fault?.kind === 'corrupt'
      ? Buffer.from(whole.map((byte) => byte ^ 0xff))
      : fault?.kind === 'longer'
        ? Buffer.concat([whole, whole])
        : whole;
  const start = rangeStart(request, etag, fault);
  if (start >= content.length && start > 0) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const body = content.subarray(start);
  response.writeHead(start > 0 ? 206 : 200, {
    etag,
    'content-length': body.length,
    'accept-ranges': 'bytes',
    ...(start > 0 && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  });
  const stopAt =
    fault?.kind === 'cut' || fault?.kind === 'hold'
      ? Math.min(fault.after, body.length)
      : fault?.kind === 'drip'
        ? 1
        : body.length;
  response.write(body.subarray(0, stopAt), () => {
    count(stopAt);
    if (fault?.kind === 'cut') request.socket.destroy();
    else if (fault?.kind === 'drip') drip(response, body, fault.everyMs);
    else if (fault?.kind !== 'hold') response.end();
  });
}

function rangeStart(request: IncomingMessage, etag: string, fault: Fault | undefined): number {
  const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  if (start === undefined || fault?.kind === 'ignore-range') return 0;
  const condition = request.headers['if-range'];
  return condition === undefined || condition === etag ? Number(start) : 0;
}

function drip(response: ServerResponse, body: Buffer, everyMs: number): void {
  let position = 1;
  const timer = setInterval(() => {
    if (position >= body.length) {
      clearInterval(timer);
      response.end();
    } else response.write(body.subarray(position, ++position));
  }, everyMs);
  response.on('close', () => clearInterval(timer));
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  const said = code ? { 'x-error-code': code, 'x-error-message': message } : {};
  response
    .writeHead(status, { 'content-type': 'application/json', ...said, ...headers })
    .end(JSON.stringify({ error: message }));
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}

function toBuffer(content: Buffer | string | undefined): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : (content ?? Buffer.alloc(0));
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
