// Original file: protos/plexus/v1/registry.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AnnounceRequest as _plexus_v1_AnnounceRequest, AnnounceRequest__Output as _plexus_v1_AnnounceRequest__Output } from '../../plexus/v1/AnnounceRequest.js';
import type { AnnounceResponse as _plexus_v1_AnnounceResponse, AnnounceResponse__Output as _plexus_v1_AnnounceResponse__Output } from '../../plexus/v1/AnnounceResponse.js';
import type { WatchRequest as _plexus_v1_WatchRequest, WatchRequest__Output as _plexus_v1_WatchRequest__Output } from '../../plexus/v1/WatchRequest.js';
import type { WatchResponse as _plexus_v1_WatchResponse, WatchResponse__Output as _plexus_v1_WatchResponse__Output } from '../../plexus/v1/WatchResponse.js';

export interface RegistryClient extends grpc.Client {
  Announce(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_AnnounceRequest, _plexus_v1_AnnounceResponse__Output>;
  Announce(options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_AnnounceRequest, _plexus_v1_AnnounceResponse__Output>;
  announce(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_AnnounceRequest, _plexus_v1_AnnounceResponse__Output>;
  announce(options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_AnnounceRequest, _plexus_v1_AnnounceResponse__Output>;
  
  Watch(argument: _plexus_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_WatchResponse__Output>;
  Watch(argument: _plexus_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_WatchResponse__Output>;
  watch(argument: _plexus_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_WatchResponse__Output>;
  watch(argument: _plexus_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_plexus_v1_WatchResponse__Output>;
  
}

export interface RegistryHandlers extends grpc.UntypedServiceImplementation {
  Announce: grpc.handleBidiStreamingCall<_plexus_v1_AnnounceRequest__Output, _plexus_v1_AnnounceResponse>;
  
  Watch: grpc.handleServerStreamingCall<_plexus_v1_WatchRequest__Output, _plexus_v1_WatchResponse>;
  
}

export interface RegistryDefinition extends grpc.ServiceDefinition {
  Announce: MethodDefinition<_plexus_v1_AnnounceRequest, _plexus_v1_AnnounceResponse, _plexus_v1_AnnounceRequest__Output, _plexus_v1_AnnounceResponse__Output>
  Watch: MethodDefinition<_plexus_v1_WatchRequest, _plexus_v1_WatchResponse, _plexus_v1_WatchRequest__Output, _plexus_v1_WatchResponse__Output>
}
