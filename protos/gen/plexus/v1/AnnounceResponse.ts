// Original file: protos/plexus/v1/registry.proto


export interface AnnounceResponse {
}

export interface AnnounceResponse__Output {
}
