// Original file: protos/plexus/v1/embed.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { EmbedRequest as _plexus_v1_EmbedRequest, EmbedRequest__Output as _plexus_v1_EmbedRequest__Output } from '../../plexus/v1/EmbedRequest.js';
import type { EmbedResponse as _plexus_v1_EmbedResponse, EmbedResponse__Output as _plexus_v1_EmbedResponse__Output } from '../../plexus/v1/EmbedResponse.js';
import type { EmbedSparseRequest as _plexus_v1_EmbedSparseRequest, EmbedSparseRequest__Output as _plexus_v1_EmbedSparseRequest__Output } from '../../plexus/v1/EmbedSparseRequest.js';
import type { EmbedSparseResponse as _plexus_v1_EmbedSparseResponse, EmbedSparseResponse__Output as _plexus_v1_EmbedSparseResponse__Output } from '../../plexus/v1/EmbedSparseResponse.js';
import type { EmbedStreamRequest as _plexus_v1_EmbedStreamRequest, EmbedStreamRequest__Output as _plexus_v1_EmbedStreamRequest__Output } from '../../plexus/v1/EmbedStreamRequest.js';
import type { EmbedStreamResponse as _plexus_v1_EmbedStreamResponse, EmbedStreamResponse__Output as _plexus_v1_EmbedStreamResponse__Output } from '../../plexus/v1/EmbedStreamResponse.js';
import type { EmbedTokensRequest as _plexus_v1_EmbedTokensRequest, EmbedTokensRequest__Output as _plexus_v1_EmbedTokensRequest__Output } from '../../plexus/v1/EmbedTokensRequest.js';
import type { EmbedTokensResponse as _plexus_v1_EmbedTokensResponse, EmbedTokensResponse__Output as _plexus_v1_EmbedTokensResponse__Output } from '../../plexus/v1/EmbedTokensResponse.js';
import type { SimilarityRequest as _plexus_v1_SimilarityRequest, SimilarityRequest__Output as _plexus_v1_SimilarityRequest__Output } from '../../plexus/v1/SimilarityRequest.js';
import type { SimilarityResponse as _plexus_v1_SimilarityResponse, SimilarityResponse__Output as _plexus_v1_SimilarityResponse__Output } from '../../plexus/v1/SimilarityResponse.js';

export interface EmbedClient extends grpc.Client {
  Embed(argument: _plexus_v1_EmbedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedResponse__Output>): grpc.ClientUnaryCall;
  Embed(argument: _plexus_v1_EmbedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_EmbedResponse__Output>): grpc.ClientUnaryCall;
  Embed(argument: _plexus_v1_EmbedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedResponse__Output>): grpc.ClientUnaryCall;
  Embed(argument: _plexus_v1_EmbedRequest, callback: grpc.requestCallback<_plexus_v1_EmbedResponse__Output>): grpc.ClientUnaryCall;
  embed(argument: _plexus_v1_EmbedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedResponse__Output>): grpc.ClientUnaryCall;
  embed(argument: _plexus_v1_EmbedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_EmbedResponse__Output>): grpc.ClientUnaryCall;
  embed(argument: _plexus_v1_EmbedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedResponse__Output>): grpc.ClientUnaryCall;
  embed(argument: _plexus_v1_EmbedRequest, callback: grpc.requestCallback<_plexus_v1_EmbedResponse__Output>): grpc.ClientUnaryCall;
  
  EmbedSparse(argument: _plexus_v1_EmbedSparseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedSparseResponse__Output>): grpc.ClientUnaryCall;
  EmbedSparse(argument: _plexus_v1_EmbedSparseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_EmbedSparseResponse__Output>): grpc.ClientUnaryCall;
  EmbedSparse(argument: _plexus_v1_EmbedSparseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedSparseResponse__Output>): grpc.ClientUnaryCall;
  EmbedSparse(argument: _plexus_v1_EmbedSparseRequest, callback: grpc.requestCallback<_plexus_v1_EmbedSparseResponse__Output>): grpc.ClientUnaryCall;
  embedSparse(argument: _plexus_v1_EmbedSparseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedSparseResponse__Output>): grpc.ClientUnaryCall;
  embedSparse(argument: _plexus_v1_EmbedSparseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_EmbedSparseResponse__Output>): grpc.ClientUnaryCall;
  embedSparse(argument: _plexus_v1_EmbedSparseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedSparseResponse__Output>): grpc.ClientUnaryCall;
  embedSparse(argument: _plexus_v1_EmbedSparseRequest, callback: grpc.requestCallback<_plexus_v1_EmbedSparseResponse__Output>): grpc.ClientUnaryCall;
  
  EmbedStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_EmbedStreamRequest, _plexus_v1_EmbedStreamResponse__Output>;
  EmbedStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_EmbedStreamRequest, _plexus_v1_EmbedStreamResponse__Output>;
  embedStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_EmbedStreamRequest, _plexus_v1_EmbedStreamResponse__Output>;
  embedStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_plexus_v1_EmbedStreamRequest, _plexus_v1_EmbedStreamResponse__Output>;
  
  EmbedTokens(argument: _plexus_v1_EmbedTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedTokensResponse__Output>): grpc.ClientUnaryCall;
  EmbedTokens(argument: _plexus_v1_EmbedTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_EmbedTokensResponse__Output>): grpc.ClientUnaryCall;
  EmbedTokens(argument: _plexus_v1_EmbedTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedTokensResponse__Output>): grpc.ClientUnaryCall;
  EmbedTokens(argument: _plexus_v1_EmbedTokensRequest, callback: grpc.requestCallback<_plexus_v1_EmbedTokensResponse__Output>): grpc.ClientUnaryCall;
  embedTokens(argument: _plexus_v1_EmbedTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedTokensResponse__Output>): grpc.ClientUnaryCall;
  embedTokens(argument: _plexus_v1_EmbedTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_EmbedTokensResponse__Output>): grpc.ClientUnaryCall;
  embedTokens(argument: _plexus_v1_EmbedTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_EmbedTokensResponse__Output>): grpc.ClientUnaryCall;
  embedTokens(argument: _plexus_v1_EmbedTokensRequest, callback: grpc.requestCallback<_plexus_v1_EmbedTokensResponse__Output>): grpc.ClientUnaryCall;
  
  Similarity(argument: _plexus_v1_SimilarityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_SimilarityResponse__Output>): grpc.ClientUnaryCall;
  Similarity(argument: _plexus_v1_SimilarityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_SimilarityResponse__Output>): grpc.ClientUnaryCall;
  Similarity(argument: _plexus_v1_SimilarityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_SimilarityResponse__Output>): grpc.ClientUnaryCall;
  Similarity(argument: _plexus_v1_SimilarityRequest, callback: grpc.requestCallback<_plexus_v1_SimilarityResponse__Output>): grpc.ClientUnaryCall;
  similarity(argument: _plexus_v1_SimilarityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_SimilarityResponse__Output>): grpc.ClientUnaryCall;
  similarity(argument: _plexus_v1_SimilarityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_plexus_v1_SimilarityResponse__Output>): grpc.ClientUnaryCall;
  similarity(argument: _plexus_v1_SimilarityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_plexus_v1_SimilarityResponse__Output>): grpc.ClientUnaryCall;
  similarity(argument: _plexus_v1_SimilarityRequest, callback: grpc.requestCallback<_plexus_v1_SimilarityResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface EmbedHandlers extends grpc.UntypedServiceImplementation {
  Embed: grpc.handleUnaryCall<_plexus_v1_EmbedRequest__Output, _plexus_v1_EmbedResponse>;
  
  EmbedSparse: grpc.handleUnaryCall<_plexus_v1_EmbedSparseRequest__Output, _plexus_v1_EmbedSparseResponse>;
  
  EmbedStream: grpc.handleBidiStreamingCall<_plexus_v1_EmbedStreamRequest__Output, _plexus_v1_EmbedStreamResponse>;
  
  EmbedTokens: grpc.handleUnaryCall<_plexus_v1_EmbedTokensRequest__Output, _plexus_v1_EmbedTokensResponse>;
  
  Similarity: grpc.handleUnaryCall<_plexus_v1_SimilarityRequest__Output, _plexus_v1_SimilarityResponse>;
  
}

export interface EmbedDefinition extends grpc.ServiceDefinition {
  Embed: MethodDefinition<_plexus_v1_EmbedRequest, _plexus_v1_EmbedResponse, _plexus_v1_EmbedRequest__Output, _plexus_v1_EmbedResponse__Output>
  EmbedSparse: MethodDefinition<_plexus_v1_EmbedSparseRequest, _plexus_v1_EmbedSparseResponse, _plexus_v1_EmbedSparseRequest__Output, _plexus_v1_EmbedSparseResponse__Output>
  EmbedStream: MethodDefinition<_plexus_v1_EmbedStreamRequest, _plexus_v1_EmbedStreamResponse, _plexus_v1_EmbedStreamRequest__Output, _plexus_v1_EmbedStreamResponse__Output>
  EmbedTokens: MethodDefinition<_plexus_v1_EmbedTokensRequest, _plexus_v1_EmbedTokensResponse, _plexus_v1_EmbedTokensRequest__Output, _plexus_v1_EmbedTokensResponse__Output>
  Similarity: MethodDefinition<_plexus_v1_SimilarityRequest, _plexus_v1_SimilarityResponse, _plexus_v1_SimilarityRequest__Output, _plexus_v1_SimilarityResponse__Output>
}
