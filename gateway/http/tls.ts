/** The TLS files of the process, for the HTTP port: the same certificate as the gRPC port shows. */
import { readFileSync } from 'node:fs';
import type { TlsSettings } from '../../chassis/tls.js';

/** Part of fastify's options; nothing where the process speaks plain text. Client certificates are asked for where a CA is set. */
export function httpsOptions(tls: TlsSettings | undefined): { https?: object } {
  if (!tls?.certFile) return {};
  const ca = tls.caFile ? { ca: readFileSync(tls.caFile), requestCert: true, rejectUnauthorized: true } : {};
  return { https: { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile), minVersion: 'TLSv1.2', ...ca } };
}
