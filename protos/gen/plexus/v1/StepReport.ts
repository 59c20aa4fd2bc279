// Original file: protos/plexus/v1/pipelines.proto

import type { StepOutcome as _plexus_v1_StepOutcome, StepOutcome__Output as _plexus_v1_StepOutcome__Output } from '../../plexus/v1/StepOutcome.js';
import type { ServedModel as _plexus_v1_ServedModel, ServedModel__Output as _plexus_v1_ServedModel__Output } from '../../plexus/v1/ServedModel.js';
import type { Timings as _plexus_v1_Timings, Timings__Output as _plexus_v1_Timings__Output } from '../../plexus/v1/Timings.js';
import type { Problem as _plexus_v1_Problem, Problem__Output as _plexus_v1_Problem__Output } from '../../plexus/v1/Problem.js';

export interface StepReport {
  'name'?: (string);
  'call'?: (string);
  'outcome'?: (_plexus_v1_StepOutcome);
  'model'?: (_plexus_v1_ServedModel | null);
  'attempts'?: (number);
  'cached'?: (boolean);
  'startedMs'?: (number | string);
  'durationMs'?: (number | string);
  'timings'?: (_plexus_v1_Timings | null);
  'problem'?: (_plexus_v1_Problem | null);
  'items'?: (number);
}

export interface StepReport__Output {
  'name': (string);
  'call': (string);
  'outcome': (_plexus_v1_StepOutcome__Output);
  'model': (_plexus_v1_ServedModel__Output | null);
  'attempts': (number);
  'cached': (boolean);
  'startedMs': (number);
  'durationMs': (number);
  'timings': (_plexus_v1_Timings__Output | null);
  'problem': (_plexus_v1_Problem__Output | null);
  'items': (number);
}
