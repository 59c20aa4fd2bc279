/** The client room: the typed TypeScript client of the mesh. Imports chassis and protos only. */
export { MeshError } from '../chassis/errors.js';
export { type CallOptions, createClient, type PlexusClient, type ServiceClient } from './client.js';
export type { AnyPipelines, PipelineAnswer, PipelineCalls, PipelineEvent, PipelineTypes } from './pipelines.js';
