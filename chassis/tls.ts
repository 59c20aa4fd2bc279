/** TLS and mutual TLS for servers and channels, from PEM files named in the settings. No files: plain text. */
import { readFileSync } from 'node:fs';
import { type ChannelCredentials, credentials, ServerCredentials } from '@grpc/grpc-js';
import { type Settings, text } from './settings.js';

export const tlsSettings = {
  certFile: text({
    env: 'PLEXUS_TLS_CERT',
    default: '',
    unit: 'file',
    reason: 'Certificate chain (PEM) this process shows. Empty: plain text, for one machine or a trusted network.',
  }),
  keyFile: text({ env: 'PLEXUS_TLS_KEY', default: '', unit: 'file', reason: 'Private key (PEM) of the certificate.' }),
  caFile: text({
    env: 'PLEXUS_TLS_CA',
    default: '',
    unit: 'file',
    reason:
      'Certificate authority (PEM) that peers are checked against. Set on a server, it makes client certificates mandatory.',
  }),
} as const;

export type TlsSettings = Settings<typeof tlsSettings>;

export const plainText: TlsSettings = Object.freeze({ certFile: '', keyFile: '', caFile: '' });

export function serverCredentials(tls: TlsSettings): ServerCredentials {
  if (!tls.certFile) return ServerCredentials.createInsecure();
  const ca = tls.caFile ? readFileSync(tls.caFile) : null;
  return ServerCredentials.createSsl(
    ca,
    [{ cert_chain: readFileSync(tls.certFile), private_key: readFileSync(tls.keyFile) }],
    ca !== null,
  );
}

export function channelCredentials(tls: TlsSettings): ChannelCredentials {
  if (!tls.certFile && !tls.caFile) return credentials.createInsecure();
  const read = (file: string): Buffer | null => (file ? readFileSync(file) : null);
  return credentials.createSsl(read(tls.caFile), read(tls.keyFile), read(tls.certFile));
}
