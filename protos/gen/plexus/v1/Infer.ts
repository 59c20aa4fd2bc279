// Original file: protos/plexus/v1/infer.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DescribeModelRequest as _plexus_v1_DescribeModelRequest, DescribeModelRequest__Output as _plexus_v1_DescribeModelRequest__Output } from '../../plexus/v1/DescribeModelRequest.js';
import type { DescribeModelResponse as _plexus_v1_DescribeModelResponse, DescribeModelResponse__Output as _plexus_v1_DescribeModelResponse__Output } from '../../plexus/v1/DescribeModelResponse.js';
import type { InferRequest as _plexus_v1_InferRequest, InferRequest__Output as _plexus_v1_InferRequest__Output } from '../../plexus/v1/InferRequest.js';
import type { InferResponse as _plexus_v1_InferResponse, InferResponse__Output as _plexus_v1_InferResponse__Output } from '../../plexus/v1/InferResponse.js';
import type { InferStreamRequest as _plexus_v1_InferStreamRequest, InferStreamRequest__Output as _plexus_v1_InferStreamRequest__Output } from '../../plexus/v1/InferStreamRequest.js';
import type { InferStreamResponse as _plexus_v1_InferStreamResponse, InferStreamResponse__Output as _plexus_v1_InferStreamResponse__Output } from '../../plexus/v1/InferStreamResponse.js';

export interface InferClient extends grpc.Client {
  DescribeModel(argument: _plexus_v1_DescribeModelRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DescribeModelResponse__Output>): grpc.ClientUnaryCall;
  DescribeModel(argument: _plexus_v1_DescribeModelRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_DescribeModelResponse__Output>): grpc.ClientUnaryCall;
  DescribeModel(argument: _plexus_v1_DescribeModelRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DescribeModelResponse__Output>): grpc.ClientUnaryCall;
  DescribeModel(argument: _plexus_v1_DescribeModelRequest, callback: grpc.requestCallback<_plexus_v1_DescribeModelResponse__Output>): grpc.ClientUnaryCall;
  describeModel(argument: _plexus_v1_DescribeModelRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DescribeModelResponse__Output>): grpc.ClientUnaryCall;
  describeModel(argument: _plexus_v1_DescribeModelRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_DescribeModelResponse__Output>): grpc.ClientUnaryCall;
  describeModel(argument: _plexus_v1_DescribeModelRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DescribeModelResponse__Output>): grpc.ClientUnaryCall;
  describeModel(argument: _plexus_v1_DescribeModelRequest, callback: grpc.requestCallback<_plexus_v1_DescribeModelResponse__Output>): grpc.ClientUnaryCall;
  
  Infer(argument: _plexus_v1_InferRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  Infer(argument: _plexus_v1_InferRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  Infer(argument: _plexus_v1_InferRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  Infer(argument: _plexus_v1_InferRequest, callback: grpc.requestCallback<_plexus_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  infer(argument: _plexus_v1_InferRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  infer(argument: _plexus_v1_InferRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  infer(argument: _plexus_v1_InferRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  infer(argument: _plexus_v1_InferRequest, callback: grpc.requestCallback<_plexus_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  
  InferStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_InferStreamRequest, _plexus_v1_InferStreamResponse__Output>;
  InferStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_InferStreamRequest, _plexus_v1_InferStreamResponse__Output>;
  inferStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_InferStreamRequest, _plexus_v1_InferStreamResponse__Output>;
  inferStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_InferStreamRequest, _plexus_v1_InferStreamResponse__Output>;
  
}

export interface InferHandlers extends grpc.UntypedServiceImplementation {
  DescribeModel: grpc.handleUnaryCall<_plexus_v1_DescribeModelRequest__Output, _plexus_v1_DescribeModelResponse>;
  
  Infer: grpc.handleUnaryCall<_plexus_v1_InferRequest__Output, _plexus_v1_InferResponse>;
  
  InferStream: grpc.handleBidiStreamingCall<_plexus_v1_InferStreamRequest__Output, _plexus_v1_InferStreamResponse>;
  
}

export interface InferDefinition extends grpc.ServiceDefinition {
  DescribeModel: MethodDefinition<_plexus_v1_DescribeModelRequest, _plexus_v1_DescribeModelResponse, _plexus_v1_DescribeModelRequest__Output, _plexus_v1_DescribeModelResponse__Output>
  Infer: MethodDefinition<_plexus_v1_InferRequest, _plexus_v1_InferResponse, _plexus_v1_InferRequest__Output, _plexus_v1_InferResponse__Output>
  InferStream: MethodDefinition<_plexus_v1_InferStreamRequest, _plexus_v1_InferStreamResponse, _plexus_v1_InferStreamRequest__Output, _plexus_v1_InferStreamResponse__Output>
}
