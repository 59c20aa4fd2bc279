// Original file: protos/plexus/v1/pipelines.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DescribeRequest as _plexus_v1_DescribeRequest, DescribeRequest__Output as _plexus_v1_DescribeRequest__Output } from '../../plexus/v1/DescribeRequest.js';
import type { DescribeResponse as _plexus_v1_DescribeResponse, DescribeResponse__Output as _plexus_v1_DescribeResponse__Output } from '../../plexus/v1/DescribeResponse.js';
import type { ExplainRequest as _plexus_v1_ExplainRequest, ExplainRequest__Output as _plexus_v1_ExplainRequest__Output } from '../../plexus/v1/ExplainRequest.js';
import type { ExplainResponse as _plexus_v1_ExplainResponse, ExplainResponse__Output as _plexus_v1_ExplainResponse__Output } from '../../plexus/v1/ExplainResponse.js';
import type { PipelinesListRequest as _plexus_v1_PipelinesListRequest, PipelinesListRequest__Output as _plexus_v1_PipelinesListRequest__Output } from '../../plexus/v1/PipelinesListRequest.js';
import type { PipelinesListResponse as _plexus_v1_PipelinesListResponse, PipelinesListResponse__Output as _plexus_v1_PipelinesListResponse__Output } from '../../plexus/v1/PipelinesListResponse.js';
import type { RunRequest as _plexus_v1_RunRequest, RunRequest__Output as _plexus_v1_RunRequest__Output } from '../../plexus/v1/RunRequest.js';
import type { RunResponse as _plexus_v1_RunResponse, RunResponse__Output as _plexus_v1_RunResponse__Output } from '../../plexus/v1/RunResponse.js';
import type { RunStreamRequest as _plexus_v1_RunStreamRequest, RunStreamRequest__Output as _plexus_v1_RunStreamRequest__Output } from '../../plexus/v1/RunStreamRequest.js';
import type { RunStreamResponse as _plexus_v1_RunStreamResponse, RunStreamResponse__Output as _plexus_v1_RunStreamResponse__Output } from '../../plexus/v1/RunStreamResponse.js';
import type { ValidateRequest as _plexus_v1_ValidateRequest, ValidateRequest__Output as _plexus_v1_ValidateRequest__Output } from '../../plexus/v1/ValidateRequest.js';
import type { ValidateResponse as _plexus_v1_ValidateResponse, ValidateResponse__Output as _plexus_v1_ValidateResponse__Output } from '../../plexus/v1/ValidateResponse.js';

export interface PipelinesClient extends grpc.Client {
  Describe(argument: _plexus_v1_DescribeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DescribeResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _plexus_v1_DescribeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_DescribeResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _plexus_v1_DescribeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DescribeResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _plexus_v1_DescribeRequest, callback: grpc.requestCallback<_plexus_v1_DescribeResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _plexus_v1_DescribeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DescribeResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _plexus_v1_DescribeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_DescribeResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _plexus_v1_DescribeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DescribeResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _plexus_v1_DescribeRequest, callback: grpc.requestCallback<_plexus_v1_DescribeResponse__Output>): grpc.ClientUnaryCall;
  
  Explain(argument: _plexus_v1_ExplainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  Explain(argument: _plexus_v1_ExplainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  Explain(argument: _plexus_v1_ExplainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  Explain(argument: _plexus_v1_ExplainRequest, callback: grpc.requestCallback<_plexus_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _plexus_v1_ExplainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _plexus_v1_ExplainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _plexus_v1_ExplainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _plexus_v1_ExplainRequest, callback: grpc.requestCallback<_plexus_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  
  List(argument: _plexus_v1_PipelinesListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_PipelinesListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _plexus_v1_PipelinesListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_PipelinesListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _plexus_v1_PipelinesListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_PipelinesListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _plexus_v1_PipelinesListRequest, callback: grpc.requestCallback<_plexus_v1_PipelinesListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _plexus_v1_PipelinesListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_PipelinesListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _plexus_v1_PipelinesListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_PipelinesListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _plexus_v1_PipelinesListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_PipelinesListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _plexus_v1_PipelinesListRequest, callback: grpc.requestCallback<_plexus_v1_PipelinesListResponse__Output>): grpc.ClientUnaryCall;
  
  Run(argument: _plexus_v1_RunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_RunResponse__Output>): grpc.ClientUnaryCall;
  Run(argument: _plexus_v1_RunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_RunResponse__Output>): grpc.ClientUnaryCall;
  Run(argument: _plexus_v1_RunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_RunResponse__Output>): grpc.ClientUnaryCall;
  Run(argument: _plexus_v1_RunRequest, callback: grpc.requestCallback<_plexus_v1_RunResponse__Output>): grpc.ClientUnaryCall;
  run(argument: _plexus_v1_RunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_RunResponse__Output>): grpc.ClientUnaryCall;
  run(argument: _plexus_v1_RunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_RunResponse__Output>): grpc.ClientUnaryCall;
  run(argument: _plexus_v1_RunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_RunResponse__Output>): grpc.ClientUnaryCall;
  run(argument: _plexus_v1_RunRequest, callback: grpc.requestCallback<_plexus_v1_RunResponse__Output>): grpc.ClientUnaryCall;
  
  RunStream(argument: _plexus_v1_RunStreamRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_RunStreamResponse__Output>;
  RunStream(argument: _plexus_v1_RunStreamRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_RunStreamResponse__Output>;
  runStream(argument: _plexus_v1_RunStreamRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_RunStreamResponse__Output>;
  runStream(argument: _plexus_v1_RunStreamRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_RunStreamResponse__Output>;
  
  Validate(argument: _plexus_v1_ValidateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ValidateResponse__Output>): grpc.ClientUnaryCall;
  Validate(argument: _plexus_v1_ValidateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ValidateResponse__Output>): grpc.ClientUnaryCall;
  Validate(argument: _plexus_v1_ValidateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ValidateResponse__Output>): grpc.ClientUnaryCall;
  Validate(argument: _plexus_v1_ValidateRequest, callback: grpc.requestCallback<_plexus_v1_ValidateResponse__Output>): grpc.ClientUnaryCall;
  validate(argument: _plexus_v1_ValidateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ValidateResponse__Output>): grpc.ClientUnaryCall;
  validate(argument: _plexus_v1_ValidateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ValidateResponse__Output>): grpc.ClientUnaryCall;
  validate(argument: _plexus_v1_ValidateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ValidateResponse__Output>): grpc.ClientUnaryCall;
  validate(argument: _plexus_v1_ValidateRequest, callback: grpc.requestCallback<_plexus_v1_ValidateResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface PipelinesHandlers extends grpc.UntypedServiceImplementation {
  Describe: grpc.handleUnaryCall<_plexus_v1_DescribeRequest__Output, _plexus_v1_DescribeResponse>;
  
  Explain: grpc.handleUnaryCall<_plexus_v1_ExplainRequest__Output, _plexus_v1_ExplainResponse>;
  
  List: grpc.handleUnaryCall<_plexus_v1_PipelinesListRequest__Output, _plexus_v1_PipelinesListResponse>;
  
  Run: grpc.handleUnaryCall<_plexus_v1_RunRequest__Output, _plexus_v1_RunResponse>;
  
  RunStream: grpc.handleServerStreamingCall<_plexus_v1_RunStreamRequest__Output, _plexus_v1_RunStreamResponse>;
  
  Validate: grpc.handleUnaryCall<_plexus_v1_ValidateRequest__Output, _plexus_v1_ValidateResponse>;
  
}

export interface PipelinesDefinition extends grpc.ServiceDefinition {
  Describe: MethodDefinition<_plexus_v1_DescribeRequest, _plexus_v1_DescribeResponse, _plexus_v1_DescribeRequest__Output, _plexus_v1_DescribeResponse__Output>
  Explain: MethodDefinition<_plexus_v1_ExplainRequest, _plexus_v1_ExplainResponse, _plexus_v1_ExplainRequest__Output, _plexus_v1_ExplainResponse__Output>
  List: MethodDefinition<_plexus_v1_PipelinesListRequest, _plexus_v1_PipelinesListResponse, _plexus_v1_PipelinesListRequest__Output, _plexus_v1_PipelinesListResponse__Output>
  Run: MethodDefinition<_plexus_v1_RunRequest, _plexus_v1_RunResponse, _plexus_v1_RunRequest__Output, _plexus_v1_RunResponse__Output>
  RunStream: MethodDefinition<_plexus_v1_RunStreamRequest, _plexus_v1_RunStreamResponse, _plexus_v1_RunStreamRequest__Output, _plexus_v1_RunStreamResponse__Output>
  Validate: MethodDefinition<_plexus_v1_ValidateRequest, _plexus_v1_ValidateResponse, _plexus_v1_ValidateRequest__Output, _plexus_v1_ValidateResponse__Output>
}
