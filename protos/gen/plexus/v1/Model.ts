// Original file: protos/plexus/v1/models.proto

import type { ModelState as _plexus_v1_ModelState, ModelState__Output as _plexus_v1_ModelState__Output } from '../../plexus/v1/ModelState.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface Model {
  'name'?: (string);
  'version'?: (string);
  'digest'?: (string);
  'task'?: (string);
  'architecture'?: (string);
  'precision'?: (string);
  'state'?: (_plexus_v1_ModelState);
  'isDefault'?: (boolean);
  'aliases'?: (string)[];
  'maxTokens'?: (number);
  'dimensions'?: (number);
  'labels'?: (string)[];
  'prompts'?: (string)[];
  'bytes'?: (number | string | Long);
  'licence'?: (string);
  'instance'?: (string);
  'failure'?: (string);
  'loadedAt'?: (_google_protobuf_Timestamp | null);
}

export interface Model__Output {
  'name': (string);
  'version': (string);
  'digest': (string);
  'task': (string);
  'architecture': (string);
  'precision': (string);
  'state': (_plexus_v1_ModelState__Output);
  'isDefault': (boolean);
  'aliases': (string)[];
  'maxTokens': (number);
  'dimensions': (number);
  'labels': (string)[];
  'prompts': (string)[];
  'bytes': (number);
  'licence': (string);
  'instance': (string);
  'failure': (string);
  'loadedAt': (_google_protobuf_Timestamp__Output | null);
}
