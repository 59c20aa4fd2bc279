/**
 * The contract as code: service definitions by full name (decoded and encoded by proto-loader), and the descriptor image
 * that reflection, JSON transcoding and pipeline checks read. Relies on the .proto files lying beside the package's root,
 * also when it runs from dist/. Imports nothing of the project.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type Options } from '@grpc/proto-loader';
import type { HealthDefinition } from './gen/grpc/health/v1/Health.js';
import type { GRPCInferenceServiceDefinition } from './gen/inference/GRPCInferenceService.js';
import type { ClassifyDefinition } from './gen/plexus/v1/Classify.js';
import type { EmbedDefinition } from './gen/plexus/v1/Embed.js';
import type { InferDefinition } from './gen/plexus/v1/Infer.js';
import type { ModelsDefinition } from './gen/plexus/v1/Models.js';
import type { PipelinesDefinition } from './gen/plexus/v1/Pipelines.js';
import type { RegistryDefinition } from './gen/plexus/v1/Registry.js';
import type { SummarizeDefinition } from './gen/plexus/v1/Summarize.js';
import type { TokenizeDefinition } from './gen/plexus/v1/Tokenize.js';

/** Every service of the contract, by full name. */
export interface Definitions {
  'plexus.v1.Tokenize': TokenizeDefinition;
  'plexus.v1.Embed': EmbedDefinition;
  'plexus.v1.Classify': ClassifyDefinition;
  'plexus.v1.Summarize': SummarizeDefinition;
  'plexus.v1.Infer': InferDefinition;
  'plexus.v1.Models': ModelsDefinition;
  'plexus.v1.Pipelines': PipelinesDefinition;
  'plexus.v1.Registry': RegistryDefinition;
  'inference.GRPCInferenceService': GRPCInferenceServiceDefinition;
  'grpc.health.v1.Health': HealthDefinition;
  'grpc.reflection.v1.ServerReflection': ServiceDefinition;
  'grpc.reflection.v1alpha.ServerReflection': ServiceDefinition;
}

/** Root of the package: the folder that holds package.json, models/store, protos and pipelines. */
export const packageRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

/** Folder of the .proto files. */
export const protoRoot = join(packageRoot, 'protos');

/** A FileDescriptorSet with comments, made by `npm run protos`. */
export const imagePath = join(protoRoot, 'gen', 'image.binpb');

/** How messages look in JavaScript everywhere in the mesh: camelCase, enums by name, defaults filled in, 64-bit integers as numbers. */
export const protoLoaderOptions: Options = {
  keepCase: false,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
  includeDirs: [protoRoot],
};

/** The definition of a service, typed. Loaded once, at first use. */
export function definition<Name extends keyof Definitions>(name: Name): Definitions[Name] {
  return packageDefinition()[name] as unknown as Definitions[Name];
}

let loaded: ReturnType<typeof loadSync> | undefined;

function packageDefinition(): ReturnType<typeof loadSync> {
  loaded ??= loadSync(
    [
      ...['tokenize', 'embed', 'classify', 'summarize', 'infer', 'models', 'pipelines', 'registry'].map(
        (file) => `plexus/v1/${file}.proto`,
      ),
      'inference/open_inference.proto',
      'grpc/health/v1/health.proto',
      'grpc/reflection/v1/reflection.proto',
      'grpc/reflection/v1alpha/reflection.proto',
    ],
    protoLoaderOptions,
  );
  return loaded;
}

function findRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'protos'))) return folder;
    if (dirname(folder) === folder)
      throw new Error('package.json and protos/ of plexus were not found above the running file');
  }
}
