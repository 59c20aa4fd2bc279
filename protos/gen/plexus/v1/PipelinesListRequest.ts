// Original file: protos/plexus/v1/pipelines.proto


export interface PipelinesListRequest {
}

export interface PipelinesListRequest__Output {
}
