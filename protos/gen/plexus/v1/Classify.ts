// Original file: protos/plexus/v1/classify.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ClassifyPairsRequest as _plexus_v1_ClassifyPairsRequest, ClassifyPairsRequest__Output as _plexus_v1_ClassifyPairsRequest__Output } from '../../plexus/v1/ClassifyPairsRequest.js';
import type { ClassifyPairsResponse as _plexus_v1_ClassifyPairsResponse, ClassifyPairsResponse__Output as _plexus_v1_ClassifyPairsResponse__Output } from '../../plexus/v1/ClassifyPairsResponse.js';
import type { ClassifyRequest as _plexus_v1_ClassifyRequest, ClassifyRequest__Output as _plexus_v1_ClassifyRequest__Output } from '../../plexus/v1/ClassifyRequest.js';
import type { ClassifyResponse as _plexus_v1_ClassifyResponse, ClassifyResponse__Output as _plexus_v1_ClassifyResponse__Output } from '../../plexus/v1/ClassifyResponse.js';
import type { ClassifyTokensRequest as _plexus_v1_ClassifyTokensRequest, ClassifyTokensRequest__Output as _plexus_v1_ClassifyTokensRequest__Output } from '../../plexus/v1/ClassifyTokensRequest.js';
import type { ClassifyTokensResponse as _plexus_v1_ClassifyTokensResponse, ClassifyTokensResponse__Output as _plexus_v1_ClassifyTokensResponse__Output } from '../../plexus/v1/ClassifyTokensResponse.js';
import type { RerankRequest as _plexus_v1_RerankRequest, RerankRequest__Output as _plexus_v1_RerankRequest__Output } from '../../plexus/v1/RerankRequest.js';
import type { RerankResponse as _plexus_v1_RerankResponse, RerankResponse__Output as _plexus_v1_RerankResponse__Output } from '../../plexus/v1/RerankResponse.js';
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
  
  ClassifyTokens(argument: _plexus_v1_ClassifyTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyTokensResponse__Output>): grpc.ClientUnaryCall;
  ClassifyTokens(argument: _plexus_v1_ClassifyTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ClassifyTokensResponse__Output>): grpc.ClientUnaryCall;
  ClassifyTokens(argument: _plexus_v1_ClassifyTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyTokensResponse__Output>): grpc.ClientUnaryCall;
  ClassifyTokens(argument: _plexus_v1_ClassifyTokensRequest, callback: grpc.requestCallback<_plexus_v1_ClassifyTokensResponse__Output>): grpc.ClientUnaryCall;
  classifyTokens(argument: _plexus_v1_ClassifyTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyTokensResponse__Output>): grpc.ClientUnaryCall;
  classifyTokens(argument: _plexus_v1_ClassifyTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ClassifyTokensResponse__Output>): grpc.ClientUnaryCall;
  classifyTokens(argument: _plexus_v1_ClassifyTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ClassifyTokensResponse__Output>): grpc.ClientUnaryCall;
  classifyTokens(argument: _plexus_v1_ClassifyTokensRequest, callback: grpc.requestCallback<_plexus_v1_ClassifyTokensResponse__Output>): grpc.ClientUnaryCall;
  
  Rerank(argument: _plexus_v1_RerankRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_RerankResponse__Output>): grpc.ClientUnaryCall;
  Rerank(argument: _plexus_v1_RerankRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_RerankResponse__Output>): grpc.ClientUnaryCall;
  Rerank(argument: _plexus_v1_RerankRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_RerankResponse__Output>): grpc.ClientUnaryCall;
  Rerank(argument: _plexus_v1_RerankRequest, callback: grpc.requestCallback<_plexus_v1_RerankResponse__Output>): grpc.ClientUnaryCall;
  rerank(argument: _plexus_v1_RerankRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_RerankResponse__Output>): grpc.ClientUnaryCall;
  rerank(argument: _plexus_v1_RerankRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_RerankResponse__Output>): grpc.ClientUnaryCall;
  rerank(argument: _plexus_v1_RerankRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_RerankResponse__Output>): grpc.ClientUnaryCall;
  rerank(argument: _plexus_v1_RerankRequest, callback: grpc.requestCallback<_plexus_v1_RerankResponse__Output>): grpc.ClientUnaryCall;
  
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
  
  ClassifyTokens: grpc.handleUnaryCall<_plexus_v1_ClassifyTokensRequest__Output, _plexus_v1_ClassifyTokensResponse>;
  
  Rerank: grpc.handleUnaryCall<_plexus_v1_RerankRequest__Output, _plexus_v1_RerankResponse>;
  
  ZeroShot: grpc.handleUnaryCall<_plexus_v1_ZeroShotRequest__Output, _plexus_v1_ZeroShotResponse>;
  
}

export interface ClassifyDefinition extends grpc.ServiceDefinition {
  Classify: MethodDefinition<_plexus_v1_ClassifyRequest, _plexus_v1_ClassifyResponse, _plexus_v1_ClassifyRequest__Output, _plexus_v1_ClassifyResponse__Output>
  ClassifyPairs: MethodDefinition<_plexus_v1_ClassifyPairsRequest, _plexus_v1_ClassifyPairsResponse, _plexus_v1_ClassifyPairsRequest__Output, _plexus_v1_ClassifyPairsResponse__Output>
  ClassifyTokens: MethodDefinition<_plexus_v1_ClassifyTokensRequest, _plexus_v1_ClassifyTokensResponse, _plexus_v1_ClassifyTokensRequest__Output, _plexus_v1_ClassifyTokensResponse__Output>
  Rerank: MethodDefinition<_plexus_v1_RerankRequest, _plexus_v1_RerankResponse, _plexus_v1_RerankRequest__Output, _plexus_v1_RerankResponse__Output>
  ZeroShot: MethodDefinition<_plexus_v1_ZeroShotRequest, _plexus_v1_ZeroShotResponse, _plexus_v1_ZeroShotRequest__Output, _plexus_v1_ZeroShotResponse__Output>
}
