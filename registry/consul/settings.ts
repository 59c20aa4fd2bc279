/** Settings of the Consul driver. Where Consul's own tools have a variable, it is that one. */
import { choice, flag, integer, type Settings, text } from '../../chassis/settings.js';

export const consulSettings = {
  consulAddress: text({
    env: 'CONSUL_HTTP_ADDR',
    unit: 'address',
    default: '',
    reason:
      'host:port or URL of the local Consul agent; 127.0.0.1:8500 where the registry is consul and this is empty.',
  }),
  consulToken: text({
    env: 'CONSUL_HTTP_TOKEN',
    default: '',
    reason:
      'ACL token. It needs service:write on the names below for a service, service:read and node:read for the gateway.',
  }),
  consulTokenFile: text({
    env: 'CONSUL_HTTP_TOKEN_FILE',
    unit: 'file',
    default: '',
    reason: 'File with the ACL token, read again for every request so that it can be rotated. CONSUL_HTTP_TOKEN wins.',
  }),
  consulSsl: flag({
    env: 'CONSUL_HTTP_SSL',
    default: false,
    reason: 'Speak HTTPS to the agent; an https:// address does the same.',
  }),
  consulCaFile: text({
    env: 'CONSUL_CACERT',
    unit: 'file',
    default: '',
    reason: 'Certificate authority (PEM) of the agent.',
  }),
  consulCertFile: text({
    env: 'CONSUL_CLIENT_CERT',
    unit: 'file',
    default: '',
    reason: 'Client certificate (PEM), where the agent wants one.',
  }),
  consulKeyFile: text({
    env: 'CONSUL_CLIENT_KEY',
    unit: 'file',
    default: '',
    reason: 'Private key (PEM) of the client certificate.',
  }),
  consulTlsServerName: text({
    env: 'CONSUL_TLS_SERVER_NAME',
    default: '',
    reason: "Name the agent's certificate is checked against, where it differs from the address.",
  }),
  consulDatacenter: text({
    env: 'PLEXUS_CONSUL_DATACENTER',
    default: '',
    reason: "Data centre that instances are looked up in. Empty: the agent's own.",
  }),
  consulPrefix: text({
    env: 'PLEXUS_CONSUL_PREFIX',
    default: 'plexus-',
    reason:
      'Service names in Consul are this and the capability ("plexus-embed"), so that several meshes can share a Consul.',
  }),
  consulCheckMs: integer({
    env: 'PLEXUS_CONSUL_CHECK_MS',
    unit: 'ms',
    default: 1_000,
    min: 100,
    max: 60_000,
    reason: 'How often Consul asks the health of an instance; a dead one leaves within this time and its timeout.',
  }),
  consulCheckTls: choice({
    env: 'PLEXUS_CONSUL_CHECK_TLS',
    default: 'auto',
    choices: ['auto', 'off', 'verify', 'skip-verify'],
    reason:
      "Whether Consul's gRPC checks use TLS. auto: verify where this process has a certificate. On Consul before 1.11 a check can only verify the agent's own node name.",
  }),
  consulCheckTlsServerName: text({
    env: 'PLEXUS_CONSUL_CHECK_TLS_SERVER_NAME',
    default: '',
    reason:
      'Name the checks verify the certificate against. Consul 1.11 or newer; left out for an older one, which would refuse the field.',
  }),
} as const;

export type ConsulSettings = Settings<typeof consulSettings>;
