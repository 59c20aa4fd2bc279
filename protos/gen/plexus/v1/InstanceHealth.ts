// Original file: protos/plexus/v1/registry.proto

export const InstanceHealth = {
  INSTANCE_HEALTH_UNSPECIFIED: 'INSTANCE_HEALTH_UNSPECIFIED',
  INSTANCE_HEALTH_PASSING: 'INSTANCE_HEALTH_PASSING',
  INSTANCE_HEALTH_CRITICAL: 'INSTANCE_HEALTH_CRITICAL',
} as const;

export type InstanceHealth =
  | 'INSTANCE_HEALTH_UNSPECIFIED'
  | 0
  | 'INSTANCE_HEALTH_PASSING'
  | 1
  | 'INSTANCE_HEALTH_CRITICAL'
  | 2

export type InstanceHealth__Output = typeof InstanceHealth[keyof typeof InstanceHealth]
