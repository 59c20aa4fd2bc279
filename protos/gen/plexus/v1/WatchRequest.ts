// Original file: protos/plexus/v1/registry.proto


export interface WatchRequest {
  'capability'?: (string);
}

export interface WatchRequest__Output {
  'capability': (string);
}
