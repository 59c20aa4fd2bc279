/**
 * Instance <-> what Consul keeps. Everything that is no address goes into Meta, whose values hold 512 characters: a longer list
 * of models is split over "models", "models-2", ... at the borders of names.
 */
import type { TlsSettings } from '../../chassis/tls.js';
import type { Instance } from '../registry.js';
import type { ConsulSettings } from './settings.js';

/** The body of PUT /v1/agent/service/register. */
export interface ServiceDefinition {
  ID: string;
  Name: string;
  Address: string;
  Port: number;
  Tags: string[];
  Meta: Record<string, string>;
  Weights: { Passing: number; Warning: number };
  Check: Record<string, string | boolean>;
}

/** One item of GET /v1/health/service/:name. */
export interface ServiceEntry {
  Node?: { Address?: string };
  Service?: {
    ID?: string;
    Address?: string;
    Port?: number;
    Meta?: Record<string, string> | null;
    Weights?: { Passing?: number };
  };
}

/** Consul's limits. */
const META_VALUE_MAX = 512;
const META_PAIRS_MAX = 64;
/** Its floor for DeregisterCriticalServiceAfter: a janitor for instances that never come back, not a failure detector. */
const JANITOR = '1m';

export interface DefinitionOptions {
  settings: Pick<ConsulSettings, 'consulPrefix' | 'consulCheckMs' | 'consulCheckTls' | 'consulCheckTlsServerName'>;
  /** This process's own TLS, for "auto". */
  tls: TlsSettings;
  /** Version of the agent; undefined where it would not say. */
  agentVersion: string | undefined;
}

export function toDefinition(
  instance: Instance,
  { settings, tls, agentVersion }: DefinitionOptions,
): ServiceDefinition {
  const { id, capability, address, version, zone, models, weight } = instance;
  const colon = address.lastIndexOf(':');
  const checkTls = settings.consulCheckTls === 'auto' ? (tls.certFile ? 'verify' : 'off') : settings.consulCheckTls;
  const every = `${settings.consulCheckMs}ms`;
  return {
    ID: serviceId(instance, settings.consulPrefix),
    Name: `${settings.consulPrefix}${capability}`,
    Address: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    Port: Number(address.slice(colon + 1)),
    Tags: [],
    Meta: { plexus: '1', id, capability, version, zone, ...splitModels(models) },
    Weights: { Passing: weight, Warning: 1 },
    Check: {
      CheckID: `service:${serviceId(instance, settings.consulPrefix)}`,
      Name: 'grpc.health.v1',
      GRPC: address,
      Interval: every,
      Timeout: every,
      DeregisterCriticalServiceAfter: JANITOR,
      ...(checkTls !== 'off' && { GRPCUseTLS: true }),
      ...(checkTls === 'skip-verify' && { TLSSkipVerify: true }),
      // 1.8 answers 400 to a field it does not know.
      ...(checkTls === 'verify' &&
        settings.consulCheckTlsServerName !== '' &&
        isAtLeast(agentVersion, 1, 11) && { TLSServerName: settings.consulCheckTlsServerName }),
    },
  };
}

export function serviceId(instance: Instance, prefix: string): string {
  return `${prefix}${instance.id}`;
}

/** The instance behind an entry; undefined where it is none of ours. */
export function toInstance(entry: ServiceEntry, capability: string): Instance | undefined {
  const { Service: service, Node: node } = entry;
  const host = service?.Address || node?.Address;
  if (!service?.ID || !service.Port || !host) return undefined;
  const meta = service.Meta ?? {};
  return {
    id: meta.id || service.ID,
    capability: meta.capability || capability,
    address: host.includes(':') ? `[${host}]:${service.Port}` : `${host}:${service.Port}`,
    version: meta.version ?? '',
    zone: meta.zone ?? '',
    models: joinModels(meta),
    weight: Math.min(Math.max(service.Weights?.Passing ?? 1, 1), 100),
  };
}

function splitModels(models: readonly string[]): Record<string, string> {
  const values: string[] = [];
  for (const model of models) {
    if (model.length > META_VALUE_MAX) continue; // longer than any name a manifest may have
    const last = values.at(-1);
    if (last !== undefined && last.length + 1 + model.length <= META_VALUE_MAX)
      values[values.length - 1] = `${last},${model}`;
    else values.push(model);
  }
  const pairs = values.slice(0, META_PAIRS_MAX - 8).map((value, index) => [key(index), value] as const);
  return Object.fromEntries(pairs);
}

function joinModels(meta: Readonly<Record<string, string>>): string[] {
  const models: string[] = [];
  for (let index = 0; meta[key(index)]; index++) models.push(...(meta[key(index)] as string).split(','));
  return models;
}

function key(index: number): string {
  return index === 0 ? 'models' : `models-${index + 1}`;
}

function isAtLeast(version: string | undefined, major: number, minor: number): boolean {
  const [, foundMajor, foundMinor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (foundMajor === undefined) return false;
  return Number(foundMajor) > major || (Number(foundMajor) === major && Number(foundMinor) >= minor);
}
