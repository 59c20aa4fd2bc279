/** Settings of the gateway itself; those of the upstream stack are in upstream/settings.ts. */
import { flag, integer, type Settings, text } from '../chassis/settings.js';

export const gatewaySettings = {
  pipelinesPath: text({
    env: 'PLEXUS_PIPELINES',
    default: '',
    unit: 'folder',
    reason: 'Folder of pipeline files. Empty: the ones that come with Plexus.',
  }),
  pipelinesWatch: flag({
    env: 'PLEXUS_PIPELINES_WATCH',
    default: true,
    reason: 'Loads changed pipeline files at once. A file with mistakes never replaces a good one.',
  }),
  httpTimeoutMsMax: integer({
    env: 'PLEXUS_HTTP_TIMEOUT_MS_MAX',
    unit: 'ms',
    default: 600_000,
    min: 1,
    max: 86_400_000,
    reason: 'Longest time a caller may ask for by x-timeout-ms, grpc-timeout or timeout; more is cut to it.',
  }),
  httpHeartbeatMs: integer({
    env: 'PLEXUS_HTTP_HEARTBEAT_MS',
    unit: 'ms',
    default: 15_000,
    min: 100,
    max: 3_600_000,
    reason: 'A comment is sent on an event stream that is silent this long, so that proxies keep it open.',
  }),
  httpConnectionsMax: integer({
    env: 'PLEXUS_HTTP_CONNECTIONS_MAX',
    unit: 'count',
    default: 2_000,
    min: 1,
    max: 1_000_000,
    reason: 'Connections to the HTTP port; the next is closed at once. Keeps silent sockets from piling up.',
  }),
  httpIdleMs: integer({
    env: 'PLEXUS_HTTP_IDLE_MS',
    unit: 'ms',
    default: 65_000,
    min: 1_000,
    max: 3_600_000,
    reason: 'How long an idle connection stays open; above the 60 s that load balancers use.',
  }),
} as const;

export type GatewaySettings = Settings<typeof gatewaySettings>;
