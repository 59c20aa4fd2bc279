/** A gRPC server that only says how it is, on a free port: what a registry probes. */

import type { ServiceBinding } from '../../chassis/implement.js';
import { createServer, type MeshServer } from '../../chassis/server.js';
import type { TlsSettings } from '../../chassis/tls.js';
import { testServerSettings } from './settings.js';

export interface Serving {
  readonly address: string;
  readonly server: MeshServer;
  set(status: 'SERVING' | 'NOT_SERVING'): void;
  /** Cuts every connection at once, as a dying process would. */
  kill(): Promise<void>;
}

/** `service` is the name in its health service besides "". */
export async function startServing(
  service = 'plexus.v1.Embed',
  options: { services?: readonly ServiceBinding[]; address?: string; tls?: TlsSettings } = {},
): Promise<Serving> {
  const server = createServer({
    services: options.services ?? [],
    address: options.address ?? '127.0.0.1:0',
    settings: testServerSettings(),
    ...(options.tls && { tls: options.tls }),
  });
  const port = await server.start();
  server.health.set(service, 'SERVING');
  return {
    address: `127.0.0.1:${port}`,
    server,
    set: (status) => server.health.set(service, status),
    kill: async () => void (await server.drain(0)),
  };
}
