// Original file: protos/plexus/v1/pipelines.proto

import type { StepStarted as _plexus_v1_StepStarted, StepStarted__Output as _plexus_v1_StepStarted__Output } from '../../plexus/v1/StepStarted.js';
import type { StepPartial as _plexus_v1_StepPartial, StepPartial__Output as _plexus_v1_StepPartial__Output } from '../../plexus/v1/StepPartial.js';
import type { StepReport as _plexus_v1_StepReport, StepReport__Output as _plexus_v1_StepReport__Output } from '../../plexus/v1/StepReport.js';
import type { RunResponse as _plexus_v1_RunResponse, RunResponse__Output as _plexus_v1_RunResponse__Output } from '../../plexus/v1/RunResponse.js';

export interface RunStreamResponse {
  'started'?: (_plexus_v1_StepStarted | null);
  'partial'?: (_plexus_v1_StepPartial | null);
  'finished'?: (_plexus_v1_StepReport | null);
  'done'?: (_plexus_v1_RunResponse | null);
  'event'?: "started"|"partial"|"finished"|"done";
}

export interface RunStreamResponse__Output {
  'started'?: (_plexus_v1_StepStarted__Output | null);
  'partial'?: (_plexus_v1_StepPartial__Output | null);
  'finished'?: (_plexus_v1_StepReport__Output | null);
  'done'?: (_plexus_v1_RunResponse__Output | null);
  'event'?: "started"|"partial"|"finished"|"done";
}
