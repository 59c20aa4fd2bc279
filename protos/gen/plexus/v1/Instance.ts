// Original file: protos/plexus/v1/registry.proto

import type { InstanceHealth as _plexus_v1_InstanceHealth, InstanceHealth__Output as _plexus_v1_InstanceHealth__Output } from '../../plexus/v1/InstanceHealth.js';

export interface Instance {
  'id'?: (string);
  'capability'?: (string);
  'address'?: (string);
  'version'?: (string);
  'zone'?: (string);
  'models'?: (string)[];
  'weight'?: (number);
  'health'?: (_plexus_v1_InstanceHealth);
}

export interface Instance__Output {
  'id': (string);
  'capability': (string);
  'address': (string);
  'version': (string);
  'zone': (string);
  'models': (string)[];
  'weight': (number);
  'health': (_plexus_v1_InstanceHealth__Output);
}
