// Original file: protos/plexus/v1/classify.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ClassifyPairsRequest as _plexus_v1_ClassifyPairsRequest, ClassifyPairsRequest__Output as _plexus_v1_ClassifyPairsRequest__Output } from '../../plexus/v1/ClassifyPairsRequest.js';
import type { ClassifyPairsResponse as _plexus_v1_ClassifyPairsResponse, ClassifyPairsResponse__Output as _plexus_v1_ClassifyPairsResponse__Output } from '../../plexus/v1/ClassifyPairsResponse.js';
import type { ClassifyRequest as _plexus_v1_ClassifyRequest, ClassifyRequest__Output as _plexus_v1_ClassifyRequest__Output } from '../../plexus/v1/ClassifyRequest.js';
import type { ClassifyResponse as _plexus_v1_ClassifyResponse, ClassifyResponse__Output as _plexus_v1_ClassifyResponse__Output } from '../../plexus/v1/ClassifyResponse.js';
import type { ZeroShotRequest as _plexus_v1_ZeroShotRequest, ZeroShotRequest__Output as _plexus_v1_ZeroShotRequest__Output } from '../../plexus/v1/ZeroShotRequest.js';
import type { ZeroShotResponse as _plexus_v1_ZeroShotResponse, ZeroShotResponse__Output as _plexus_v1_ZeroShotResponse__Output } from '../../plexus/v1/ZeroShotResponse.js';

export interface ClassifyClient extends grpc.Client {
  Classify(argument: _plexus_v1_ClassifyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyResponse__Output>): grpc.ClientUnaryCall;
  Classify(argument: _plexus_v1_ClassifyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ClassifyResponse__Output>): grpc.ClientUnaryCall;
  Classify(argument: _plexus_v1_ClassifyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyResponse__Output>): grpc.ClientUnaryCall;
  Classify(argument: _plexus_v1_ClassifyRequest, callback: grpc.requestCallback<_plexus_v1_ClassifyResponse__Output>): grpc.ClientUnaryCall;
  classify(argument: _plexus_v1_ClassifyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyResponse__Output>): grpc.ClientUnaryCall;
  classify(argument: _plexus_v1_ClassifyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ClassifyResponse__Output>): grpc.ClientUnaryCall;
  classify(argument: _plexus_v1_ClassifyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyResponse__Output>): grpc.ClientUnaryCall;
  classify(argument: _plexus_v1_ClassifyRequest, callback: grpc.requestCallback<_plexus_v1_ClassifyResponse__Output>): grpc.ClientUnaryCall;
  
  ClassifyPairs(argument: _plexus_v1_ClassifyPairsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyPairsResponse__Output>): grpc.ClientUnaryCall;
  ClassifyPairs(argument: _plexus_v1_ClassifyPairsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ClassifyPairsResponse__Output>): grpc.ClientUnaryCall;
  ClassifyPairs(argument: _plexus_v1_ClassifyPairsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyPairsResponse__Output>): grpc.ClientUnaryCall;
  ClassifyPairs(argument: _plexus_v1_ClassifyPairsRequest, callback: grpc.requestCallback<_plexus_v1_ClassifyPairsResponse__Output>): grpc.ClientUnaryCall;
  classifyPairs(argument: _plexus_v1_ClassifyPairsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyPairsResponse__Output>): grpc.ClientUnaryCall;
  classifyPairs(argument: _plexus_v1_ClassifyPairsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ClassifyPairsResponse__Output>): grpc.ClientUnaryCall;
  classifyPairs(argument: _plexus_v1_ClassifyPairsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyPairsResponse__Output>): grpc.ClientUnaryCall;
  classifyPairs(argument: _plexus_v1_ClassifyPairsRequest, callback: grpc.requestCallback<_plexus_v1_ClassifyPairsResponse__Output>): grpc.ClientUnaryCall;
  
  ZeroShot(argument: _plexus_v1_ZeroShotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ZeroShotResponse__Output>): grpc.ClientUnaryCall;
  ZeroShot(argument: _plexus_v1_ZeroShotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ZeroShotResponse__Output>): grpc.ClientUnaryCall;
  ZeroShot(argument: _plexus_v1_ZeroShotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ZeroShotResponse__Output>): grpc.ClientUnaryCall;
  ZeroShot(argument: _plexus_v1_ZeroShotRequest, callback: grpc.requestCallback<_plexus_v1_ZeroShotResponse__Output>): grpc.ClientUnaryCall;
  zeroShot(argument: _plexus_v1_ZeroShotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ZeroShotResponse__Output>): grpc.ClientUnaryCall;
  zeroShot(argument: _plexus_v1_ZeroShotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ZeroShotResponse__Output>): grpc.ClientUnaryCall;
  zeroShot(argument: _plexus_v1_ZeroShotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ZeroShotResponse__Output>): grpc.ClientUnaryCall;
  zeroShot(argument: _plexus_v1_ZeroShotRequest, callback: grpc.requestCallback<_plexus_v1_ZeroShotResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface ClassifyHandlers extends grpc.UntypedServiceImplementation {
  Classify: grpc.handleUnaryCall<_plexus_v1_ClassifyRequest__Output, _plexus_v1_ClassifyResponse>;
  
  ClassifyPairs: grpc.handleUnaryCall<_plexus_v1_ClassifyPairsRequest__Output, _plexus_v1_ClassifyPairsResponse>;
  
  ZeroShot: grpc.handleUnaryCall<_plexus_v1_ZeroShotRequest__Output, _plexus_v1_ZeroShotResponse>;
  
}

export interface ClassifyDefinition extends grpc.ServiceDefinition {
  Classify: MethodDefinition<_plexus_v1_ClassifyRequest, _plexus_v1_ClassifyResponse, _plexus_v1_ClassifyRequest__Output, _plexus_v1_ClassifyResponse__Output>
  ClassifyPairs: MethodDefinition<_plexus_v1_ClassifyPairsRequest, _plexus_v1_ClassifyPairsResponse, _plexus_v1_ClassifyPairsRequest__Output, _plexus_v1_ClassifyPairsResponse__Output>
  ZeroShot: MethodDefinition<_plexus_v1_ZeroShotRequest, _plexus_v1_ZeroShotResponse, _plexus_v1_ZeroShotRequest__Output, _plexus_v1_ZeroShotResponse__Output>
}
