// Original file: protos/plexus/v1/tokenize.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ChunkRequest as _plexus_v1_ChunkRequest, ChunkRequest__Output as _plexus_v1_ChunkRequest__Output } from '../../plexus/v1/ChunkRequest.js';
import type { ChunkResponse as _plexus_v1_ChunkResponse, ChunkResponse__Output as _plexus_v1_ChunkResponse__Output } from '../../plexus/v1/ChunkResponse.js';
import type { CountRequest as _plexus_v1_CountRequest, CountRequest__Output as _plexus_v1_CountRequest__Output } from '../../plexus/v1/CountRequest.js';
import type { CountResponse as _plexus_v1_CountResponse, CountResponse__Output as _plexus_v1_CountResponse__Output } from '../../plexus/v1/CountResponse.js';
import type { DecodeRequest as _plexus_v1_DecodeRequest, DecodeRequest__Output as _plexus_v1_DecodeRequest__Output } from '../../plexus/v1/DecodeRequest.js';
import type { DecodeResponse as _plexus_v1_DecodeResponse, DecodeResponse__Output as _plexus_v1_DecodeResponse__Output } from '../../plexus/v1/DecodeResponse.js';
import type { EncodeRequest as _plexus_v1_EncodeRequest, EncodeRequest__Output as _plexus_v1_EncodeRequest__Output } from '../../plexus/v1/EncodeRequest.js';
import type { EncodeResponse as _plexus_v1_EncodeResponse, EncodeResponse__Output as _plexus_v1_EncodeResponse__Output } from '../../plexus/v1/EncodeResponse.js';

export interface TokenizeClient extends grpc.Client {
  Chunk(argument: _plexus_v1_ChunkRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ChunkResponse__Output>): grpc.ClientUnaryCall;
  Chunk(argument: _plexus_v1_ChunkRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ChunkResponse__Output>): grpc.ClientUnaryCall;
  Chunk(argument: _plexus_v1_ChunkRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ChunkResponse__Output>): grpc.ClientUnaryCall;
  Chunk(argument: _plexus_v1_ChunkRequest, callback: grpc.requestCallback<_plexus_v1_ChunkResponse__Output>): grpc.ClientUnaryCall;
  chunk(argument: _plexus_v1_ChunkRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ChunkResponse__Output>): grpc.ClientUnaryCall;
  chunk(argument: _plexus_v1_ChunkRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_ChunkResponse__Output>): grpc.ClientUnaryCall;
  chunk(argument: _plexus_v1_ChunkRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_ChunkResponse__Output>): grpc.ClientUnaryCall;
  chunk(argument: _plexus_v1_ChunkRequest, callback: grpc.requestCallback<_plexus_v1_ChunkResponse__Output>): grpc.ClientUnaryCall;
  
  Count(argument: _plexus_v1_CountRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_CountResponse__Output>): grpc.ClientUnaryCall;
  Count(argument: _plexus_v1_CountRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_CountResponse__Output>): grpc.ClientUnaryCall;
  Count(argument: _plexus_v1_CountRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_CountResponse__Output>): grpc.ClientUnaryCall;
  Count(argument: _plexus_v1_CountRequest, callback: grpc.requestCallback<_plexus_v1_CountResponse__Output>): grpc.ClientUnaryCall;
  count(argument: _plexus_v1_CountRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_CountResponse__Output>): grpc.ClientUnaryCall;
  count(argument: _plexus_v1_CountRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_CountResponse__Output>): grpc.ClientUnaryCall;
  count(argument: _plexus_v1_CountRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_CountResponse__Output>): grpc.ClientUnaryCall;
  count(argument: _plexus_v1_CountRequest, callback: grpc.requestCallback<_plexus_v1_CountResponse__Output>): grpc.ClientUnaryCall;
  
  Decode(argument: _plexus_v1_DecodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DecodeResponse__Output>): grpc.ClientUnaryCall;
  Decode(argument: _plexus_v1_DecodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_DecodeResponse__Output>): grpc.ClientUnaryCall;
  Decode(argument: _plexus_v1_DecodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DecodeResponse__Output>): grpc.ClientUnaryCall;
  Decode(argument: _plexus_v1_DecodeRequest, callback: grpc.requestCallback<_plexus_v1_DecodeResponse__Output>): grpc.ClientUnaryCall;
  decode(argument: _plexus_v1_DecodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DecodeResponse__Output>): grpc.ClientUnaryCall;
  decode(argument: _plexus_v1_DecodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_DecodeResponse__Output>): grpc.ClientUnaryCall;
  decode(argument: _plexus_v1_DecodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_DecodeResponse__Output>): grpc.ClientUnaryCall;
  decode(argument: _plexus_v1_DecodeRequest, callback: grpc.requestCallback<_plexus_v1_DecodeResponse__Output>): grpc.ClientUnaryCall;
  
  Encode(argument: _plexus_v1_EncodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EncodeResponse__Output>): grpc.ClientUnaryCall;
  Encode(argument: _plexus_v1_EncodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_EncodeResponse__Output>): grpc.ClientUnaryCall;
  Encode(argument: _plexus_v1_EncodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EncodeResponse__Output>): grpc.ClientUnaryCall;
  Encode(argument: _plexus_v1_EncodeRequest, callback: grpc.requestCallback<_plexus_v1_EncodeResponse__Output>): grpc.ClientUnaryCall;
  encode(argument: _plexus_v1_EncodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EncodeResponse__Output>): grpc.ClientUnaryCall;
  encode(argument: _plexus_v1_EncodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_EncodeResponse__Output>): grpc.ClientUnaryCall;
  encode(argument: _plexus_v1_EncodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EncodeResponse__Output>): grpc.ClientUnaryCall;
  encode(argument: _plexus_v1_EncodeRequest, callback: grpc.requestCallback<_plexus_v1_EncodeResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface TokenizeHandlers extends grpc.UntypedServiceImplementation {
  Chunk: grpc.handleUnaryCall<_plexus_v1_ChunkRequest__Output, _plexus_v1_ChunkResponse>;
  
  Count: grpc.handleUnaryCall<_plexus_v1_CountRequest__Output, _plexus_v1_CountResponse>;
  
  Decode: grpc.handleUnaryCall<_plexus_v1_DecodeRequest__Output, _plexus_v1_DecodeResponse>;
  
  Encode: grpc.handleUnaryCall<_plexus_v1_EncodeRequest__Output, _plexus_v1_EncodeResponse>;
  
}

export interface TokenizeDefinition extends grpc.ServiceDefinition {
  Chunk: MethodDefinition<_plexus_v1_ChunkRequest, _plexus_v1_ChunkResponse, _plexus_v1_ChunkRequest__Output, _plexus_v1_ChunkResponse__Output>
  Count: MethodDefinition<_plexus_v1_CountRequest, _plexus_v1_CountResponse, _plexus_v1_CountRequest__Output, _plexus_v1_CountResponse__Output>
  Decode: MethodDefinition<_plexus_v1_DecodeRequest, _plexus_v1_DecodeResponse, _plexus_v1_DecodeRequest__Output, _plexus_v1_DecodeResponse__Output>
  Encode: MethodDefinition<_plexus_v1_EncodeRequest, _plexus_v1_EncodeResponse, _plexus_v1_EncodeRequest__Output, _plexus_v1_EncodeResponse__Output>
}
