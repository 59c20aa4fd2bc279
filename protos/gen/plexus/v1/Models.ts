// Original file: protos/plexus/v1/models.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ModelsGetRequest as _plexus_v1_ModelsGetRequest, ModelsGetRequest__Output as _plexus_v1_ModelsGetRequest__Output } from '../../plexus/v1/ModelsGetRequest.js';
import type { ModelsGetResponse as _plexus_v1_ModelsGetResponse, ModelsGetResponse__Output as _plexus_v1_ModelsGetResponse__Output } from '../../plexus/v1/ModelsGetResponse.js';
import type { ModelsListRequest as _plexus_v1_ModelsListRequest, ModelsListRequest__Output as _plexus_v1_ModelsListRequest__Output } from '../../plexus/v1/ModelsListRequest.js';
import type { ModelsListResponse as _plexus_v1_ModelsListResponse, ModelsListResponse__Output as _plexus_v1_ModelsListResponse__Output } from '../../plexus/v1/ModelsListResponse.js';
import type { ModelsLoadRequest as _plexus_v1_ModelsLoadRequest, ModelsLoadRequest__Output as _plexus_v1_ModelsLoadRequest__Output } from '../../plexus/v1/ModelsLoadRequest.js';
import type { ModelsLoadResponse as _plexus_v1_ModelsLoadResponse, ModelsLoadResponse__Output as _plexus_v1_ModelsLoadResponse__Output } from '../../plexus/v1/ModelsLoadResponse.js';
import type { ModelsStatsRequest as _plexus_v1_ModelsStatsRequest, ModelsStatsRequest__Output as _plexus_v1_ModelsStatsRequest__Output } from '../../plexus/v1/ModelsStatsRequest.js';
import type { ModelsStatsResponse as _plexus_v1_ModelsStatsResponse, ModelsStatsResponse__Output as _plexus_v1_ModelsStatsResponse__Output } from '../../plexus/v1/ModelsStatsResponse.js';
import type { ModelsUnloadRequest as _plexus_v1_ModelsUnloadRequest, ModelsUnloadRequest__Output as _plexus_v1_ModelsUnloadRequest__Output } from '../../plexus/v1/ModelsUnloadRequest.js';
import type { ModelsUnloadResponse as _plexus_v1_ModelsUnloadResponse, ModelsUnloadResponse__Output as _plexus_v1_ModelsUnloadResponse__Output } from '../../plexus/v1/ModelsUnloadResponse.js';

export interface ModelsClient extends grpc.Client {
  Get(argument: _plexus_v1_ModelsGetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsGetResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _plexus_v1_ModelsGetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsGetResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _plexus_v1_ModelsGetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsGetResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _plexus_v1_ModelsGetRequest, callback: grpc.requestCallback<_plexus_v1_ModelsGetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _plexus_v1_ModelsGetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsGetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _plexus_v1_ModelsGetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsGetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _plexus_v1_ModelsGetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsGetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _plexus_v1_ModelsGetRequest, callback: grpc.requestCallback<_plexus_v1_ModelsGetResponse__Output>): grpc.ClientUnaryCall;
  
  List(argument: _plexus_v1_ModelsListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _plexus_v1_ModelsListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _plexus_v1_ModelsListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _plexus_v1_ModelsListRequest, callback: grpc.requestCallback<_plexus_v1_ModelsListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _plexus_v1_ModelsListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _plexus_v1_ModelsListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _plexus_v1_ModelsListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _plexus_v1_ModelsListRequest, callback: grpc.requestCallback<_plexus_v1_ModelsListResponse__Output>): grpc.ClientUnaryCall;
  
  Load(argument: _plexus_v1_ModelsLoadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsLoadResponse__Output>): grpc.ClientUnaryCall;
  Load(argument: _plexus_v1_ModelsLoadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsLoadResponse__Output>): grpc.ClientUnaryCall;
  Load(argument: _plexus_v1_ModelsLoadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsLoadResponse__Output>): grpc.ClientUnaryCall;
  Load(argument: _plexus_v1_ModelsLoadRequest, callback: grpc.requestCallback<_plexus_v1_ModelsLoadResponse__Output>): grpc.ClientUnaryCall;
  load(argument: _plexus_v1_ModelsLoadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsLoadResponse__Output>): grpc.ClientUnaryCall;
  load(argument: _plexus_v1_ModelsLoadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsLoadResponse__Output>): grpc.ClientUnaryCall;
  load(argument: _plexus_v1_ModelsLoadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsLoadResponse__Output>): grpc.ClientUnaryCall;
  load(argument: _plexus_v1_ModelsLoadRequest, callback: grpc.requestCallback<_plexus_v1_ModelsLoadResponse__Output>): grpc.ClientUnaryCall;
  
  Stats(argument: _plexus_v1_ModelsStatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsStatsResponse__Output>): grpc.ClientUnaryCall;
  Stats(argument: _plexus_v1_ModelsStatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsStatsResponse__Output>): grpc.ClientUnaryCall;
  Stats(argument: _plexus_v1_ModelsStatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsStatsResponse__Output>): grpc.ClientUnaryCall;
  Stats(argument: _plexus_v1_ModelsStatsRequest, callback: grpc.requestCallback<_plexus_v1_ModelsStatsResponse__Output>): grpc.ClientUnaryCall;
  stats(argument: _plexus_v1_ModelsStatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsStatsResponse__Output>): grpc.ClientUnaryCall;
  stats(argument: _plexus_v1_ModelsStatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsStatsResponse__Output>): grpc.ClientUnaryCall;
  stats(argument: _plexus_v1_ModelsStatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsStatsResponse__Output>): grpc.ClientUnaryCall;
  stats(argument: _plexus_v1_ModelsStatsRequest, callback: grpc.requestCallback<_plexus_v1_ModelsStatsResponse__Output>): grpc.ClientUnaryCall;
  
  Unload(argument: _plexus_v1_ModelsUnloadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsUnloadResponse__Output>): grpc.ClientUnaryCall;
  Unload(argument: _plexus_v1_ModelsUnloadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsUnloadResponse__Output>): grpc.ClientUnaryCall;
  Unload(argument: _plexus_v1_ModelsUnloadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsUnloadResponse__Output>): grpc.ClientUnaryCall;
  Unload(argument: _plexus_v1_ModelsUnloadRequest, callback: grpc.requestCallback<_plexus_v1_ModelsUnloadResponse__Output>): grpc.ClientUnaryCall;
  unload(argument: _plexus_v1_ModelsUnloadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsUnloadResponse__Output>): grpc.ClientUnaryCall;
  unload(argument: _plexus_v1_ModelsUnloadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ModelsUnloadResponse__Output>): grpc.ClientUnaryCall;
  unload(argument: _plexus_v1_ModelsUnloadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ModelsUnloadResponse__Output>): grpc.ClientUnaryCall;
  unload(argument: _plexus_v1_ModelsUnloadRequest, callback: grpc.requestCallback<_plexus_v1_ModelsUnloadResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface ModelsHandlers extends grpc.UntypedServiceImplementation {
  Get: grpc.handleUnaryCall<_plexus_v1_ModelsGetRequest__Output, _plexus_v1_ModelsGetResponse>;
  
  List: grpc.handleUnaryCall<_plexus_v1_ModelsListRequest__Output, _plexus_v1_ModelsListResponse>;
  
  Load: grpc.handleUnaryCall<_plexus_v1_ModelsLoadRequest__Output, _plexus_v1_ModelsLoadResponse>;
  
  Stats: grpc.handleUnaryCall<_plexus_v1_ModelsStatsRequest__Output, _plexus_v1_ModelsStatsResponse>;
  
  Unload: grpc.handleUnaryCall<_plexus_v1_ModelsUnloadRequest__Output, _plexus_v1_ModelsUnloadResponse>;
  
}

export interface ModelsDefinition extends grpc.ServiceDefinition {
  Get: MethodDefinition<_plexus_v1_ModelsGetRequest, _plexus_v1_ModelsGetResponse, _plexus_v1_ModelsGetRequest__Output, _plexus_v1_ModelsGetResponse__Output>
  List: MethodDefinition<_plexus_v1_ModelsListRequest, _plexus_v1_ModelsListResponse, _plexus_v1_ModelsListRequest__Output, _plexus_v1_ModelsListResponse__Output>
  Load: MethodDefinition<_plexus_v1_ModelsLoadRequest, _plexus_v1_ModelsLoadResponse, _plexus_v1_ModelsLoadRequest__Output, _plexus_v1_ModelsLoadResponse__Output>
  Stats: MethodDefinition<_plexus_v1_ModelsStatsRequest, _plexus_v1_ModelsStatsResponse, _plexus_v1_ModelsStatsRequest__Output, _plexus_v1_ModelsStatsResponse__Output>
  Unload: MethodDefinition<_plexus_v1_ModelsUnloadRequest, _plexus_v1_ModelsUnloadResponse, _plexus_v1_ModelsUnloadRequest__Output, _plexus_v1_ModelsUnloadResponse__Output>
}
