// Original file: protos/plexus/v1/summarize.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { SummarizeRequest as _plexus_v1_SummarizeRequest, SummarizeRequest__Output as _plexus_v1_SummarizeRequest__Output } from '../../plexus/v1/SummarizeRequest.js';
import type { SummarizeResponse as _plexus_v1_SummarizeResponse, SummarizeResponse__Output as _plexus_v1_SummarizeResponse__Output } from '../../plexus/v1/SummarizeResponse.js';
import type { SummarizeStreamRequest as _plexus_v1_SummarizeStreamRequest, SummarizeStreamRequest__Output as _plexus_v1_SummarizeStreamRequest__Output } from '../../plexus/v1/SummarizeStreamRequest.js';
import type { SummarizeStreamResponse as _plexus_v1_SummarizeStreamResponse, SummarizeStreamResponse__Output as _plexus_v1_SummarizeStreamResponse__Output } from '../../plexus/v1/SummarizeStreamResponse.js';

export interface SummarizeClient extends grpc.Client {
  Summarize(argument: _plexus_v1_SummarizeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_SummarizeResponse__Output>): grpc.ClientUnaryCall;
  Summarize(argument: _plexus_v1_SummarizeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_SummarizeResponse__Output>): grpc.ClientUnaryCall;
  Summarize(argument: _plexus_v1_SummarizeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_SummarizeResponse__Output>): grpc.ClientUnaryCall;
  Summarize(argument: _plexus_v1_SummarizeRequest, callback: grpc.requestCallback<_plexus_v1_SummarizeResponse__Output>): grpc.ClientUnaryCall;
  summarize(argument: _plexus_v1_SummarizeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_SummarizeResponse__Output>): grpc.ClientUnaryCall;
  summarize(argument: _plexus_v1_SummarizeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_SummarizeResponse__Output>): grpc.ClientUnaryCall;
  summarize(argument: _plexus_v1_SummarizeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_SummarizeResponse__Output>): grpc.ClientUnaryCall;
  summarize(argument: _plexus_v1_SummarizeRequest, callback: grpc.requestCallback<_plexus_v1_SummarizeResponse__Output>): grpc.ClientUnaryCall;
  
  SummarizeStream(argument: _plexus_v1_SummarizeStreamRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_SummarizeStreamResponse__Output>;
  SummarizeStream(argument: _plexus_v1_SummarizeStreamRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_SummarizeStreamResponse__Output>;
  summarizeStream(argument: _plexus_v1_SummarizeStreamRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_SummarizeStreamResponse__Output>;
  summarizeStream(argument: _plexus_v1_SummarizeStreamRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_SummarizeStreamResponse__Output>;
  
}

export interface SummarizeHandlers extends grpc.UntypedServiceImplementation {
  Summarize: grpc.handleUnaryCall<_plexus_v1_SummarizeRequest__Output, _plexus_v1_SummarizeResponse>;
  
  SummarizeStream: grpc.handleServerStreamingCall<_plexus_v1_SummarizeStreamRequest__Output, _plexus_v1_SummarizeStreamResponse>;
  
}

export interface SummarizeDefinition extends grpc.ServiceDefinition {
  Summarize: MethodDefinition<_plexus_v1_SummarizeRequest, _plexus_v1_SummarizeResponse, _plexus_v1_SummarizeRequest__Output, _plexus_v1_SummarizeResponse__Output>
  SummarizeStream: MethodDefinition<_plexus_v1_SummarizeStreamRequest, _plexus_v1_SummarizeStreamResponse, _plexus_v1_SummarizeStreamRequest__Output, _plexus_v1_SummarizeStreamResponse__Output>
}
