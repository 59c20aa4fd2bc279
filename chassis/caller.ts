/** Who calls, and how much it matters, as the metadata of a call says it. The gateway passes both on. */

/** How much a call matters, most first: under load the last are refused first. */
export const CRITICALITIES = ['critical', 'default', 'sheddable'] as const;

export type Criticality = (typeof CRITICALITIES)[number];

export const CRITICALITY_KEY = 'x-plexus-criticality';
export const TENANT_KEY = 'x-plexus-tenant';
/** The tenant of calls that name none. */
export const DEFAULT_TENANT = 'default';

const TENANT = /^[\x21-\x7e]{1,64}$/;

/** Anything unknown is "default". */
export function criticalityOf(given: string | undefined): Criticality {
  return given === 'critical' || given === 'sheddable' ? given : 'default';
}

/** 1 to 64 printable characters without a space; anything else is the default tenant. */
export function tenantOf(given: string | undefined): string {
  return given !== undefined && TENANT.test(given) ? given : DEFAULT_TENANT;
}
