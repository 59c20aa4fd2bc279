/** The descriptor image as a registry of message types, read once: for error details, JSON transcoding and pipeline checks. */
import { readFileSync } from 'node:fs';
import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { imagePath } from '../protos/index.js';

let set: FileDescriptorSet | undefined;
let registry: FileRegistry | undefined;

/** The raw descriptors, comments included. */
export function descriptorSet(): FileDescriptorSet {
  set ??= fromBinary(FileDescriptorSetSchema, readFileSync(imagePath));
  return set;
}

/** Message, enum and service types by full name. */
export function descriptors(): FileRegistry {
  registry ??= createFileRegistry(descriptorSet());
  return registry;
}
