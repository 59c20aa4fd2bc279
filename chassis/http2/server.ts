/**
 * A gRPC server over our own HTTP/2: accepts connections, gives each stream a call, drains. Limits on connections, streams,
 * metadata, messages and the time a connection may take to say what it is. For callers inside the mesh; grpc-js remains the
 * reference (server.ts of the chassis chooses).
 */

import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Clock } from '../clock.js';
import type { Route } from '../implement.js';
import type { TlsSettings } from '../tls.js';
import { Code } from './codes.js';
import { Connection } from './connection.js';
import { ServerCall } from './server-call.js';

export interface Http2ServerOptions {
  /** "host:port"; port 0 picks a free one. */
  address: string;
  routes: readonly Route[];
  tls: TlsSettings;
  clock: Clock;
  streamsMax: number;
  messageBytesMax: number;
}

export interface Http2Server {
  /** Resolves with the port. */
  start(): Promise<number>;
  /** Takes no connections; tells those there are to go elsewhere. Resolves once all are gone; `cut` ends those that are left. */
  drain(): { done: Promise<void>; cut(): void };
}

const CONNECTIONS_MAX = 10_000;
/** How long a connection may take to send its first frames. */
const HELLO_MS = 10_000;
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

export function createHttp2Server(options: Http2ServerOptions): Http2Server {
  const { tls, clock } = options;
  const calls = {
    routes: new Map(options.routes.map((route) => [route.path, route])),
    messageBytesMax: options.messageBytesMax,
    now: () => clock.now(),
  };
  const connections = new Set<Connection>();
  let listening = false;
  let draining = false;

  const accept = (socket: Socket): void => {
    if (connections.size >= CONNECTIONS_MAX || draining) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    const cancelHello = clock.after(HELLO_MS, () => connection.destroy(Code.SETTINGS_TIMEOUT, 'no settings came'));
    const connection: Connection = new Connection(
      socket,
      {
        role: 'server',
        clock,
        keepaliveMs: KEEPALIVE_MS,
        keepaliveTimeoutMs: KEEPALIVE_TIMEOUT_MS,
        streamsMax: options.streamsMax,
      },
      {
        onReady: () => cancelHello(),
        onRoom: () => {},
        onStream: () => new ServerCall(connection, calls),
        onGoaway: () => {},
        onClose: () => {
          cancelHello();
          connections.delete(connection);
        },
      },
    );
    connections.add(connection);
  };
  const server = create(tls, accept);

  return {
    start: () =>
      new Promise((resolve, reject) => {
        const colon = options.address.lastIndexOf(':');
        const host = options.address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
        server.once('error', reject);
        server.listen(Number(options.address.slice(colon + 1)), host, () => {
          server.off('error', reject);
          server.on('error', () => {}); // of a single accept: the next one may do
          listening = true;
          resolve((server.address() as AddressInfo).port);
        });
      }),
    drain() {
      draining = true;
      const done = listening ? new Promise<void>((resolve) => server.close(() => resolve())) : Promise.resolve();
      for (const connection of [...connections]) connection.close();
      return {
        done,
        cut() {
          for (const connection of [...connections]) connection.destroy(Code.NO_ERROR, 'the server has stopped');
        },
      };
    },
  };
}

function create(tls: TlsSettings, accept: (socket: Socket) => void): Server {
  if (!tls.certFile) return createTcpServer(accept);
  return createTlsServer(
    {
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
      ...(tls.caFile && { ca: readFileSync(tls.caFile) }),
      requestCert: tls.caFile !== '',
      rejectUnauthorized: tls.caFile !== '',
      ALPNProtocols: ['h2'],
    },
    (socket: TLSSocket) => {
      if (socket.alpnProtocol === 'h2') accept(socket);
      else socket.destroy();
    },
  ).on('tlsClientError', (_error, socket) => socket.destroy());
}
