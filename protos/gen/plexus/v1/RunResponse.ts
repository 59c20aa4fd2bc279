// Original file: protos/plexus/v1/pipelines.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.js';
import type { StepReport as _plexus_v1_StepReport, StepReport__Output as _plexus_v1_StepReport__Output } from '../../plexus/v1/StepReport.js';
import type { Usage as _plexus_v1_Usage, Usage__Output as _plexus_v1_Usage__Output } from '../../plexus/v1/Usage.js';

export interface RunResponse {
  'pipeline'?: (string);
  'version'?: (string);
  'output'?: (_google_protobuf_Struct | null);
  'steps'?: (_plexus_v1_StepReport)[];
  'degraded'?: (boolean);
  'usage'?: (_plexus_v1_Usage | null);
  'totalMs'?: (number | string);
}

export interface RunResponse__Output {
  'pipeline': (string);
  'version': (string);
  'output': (_google_protobuf_Struct__Output | null);
  'steps': (_plexus_v1_StepReport__Output)[];
  'degraded': (boolean);
  'usage': (_plexus_v1_Usage__Output | null);
  'totalMs': (number);
}
