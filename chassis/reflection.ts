/**
 * Server reflection, v1 and v1alpha, from the descriptors that a real compiler made (buf), so that strict clients accept maps
 * and well-known types. Lists only the services the server has.
 */

import { type DescFile, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { status as Grpc } from '@grpc/grpc-js';
import { definition } from '../protos/index.js';
import type { CallContext } from './call.js';
import { descriptors } from './descriptors.js';
import { implementDefinition, type ServiceBinding } from './implement.js';

interface ReflectionRequest {
  host?: string;
  messageRequest?: string;
  fileByFilename?: string;
  fileContainingSymbol?: string;
  fileContainingExtension?: { containingType: string; extensionNumber: number };
  allExtensionNumbersOfType?: string;
  listServices?: string;
}

/** Both versions of the service; `services` are the full names the server has. */
export function createReflection(services: readonly string[]): ServiceBinding[] {
  const names = [...services, 'grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];
  return (['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'] as const).map((name) =>
    implementDefinition(name, definition(name), {
      async *ServerReflectionInfo(requests: AsyncIterable<ReflectionRequest>, _context: CallContext) {
        for await (const request of requests)
          yield { validHost: request.host, originalRequest: request, ...answer(request, names) };
      },
    }),
  );
}

function answer(request: ReflectionRequest, services: readonly string[]): object {
  switch (request.messageRequest) {
    case 'listServices':
      return { listServicesResponse: { service: services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return files(findFile(request.fileByFilename ?? ''), request.fileByFilename);
    case 'fileContainingSymbol':
      return files(findSymbol(request.fileContainingSymbol ?? ''), request.fileContainingSymbol);
    case 'allExtensionNumbersOfType':
      return descriptors().getMessage(request.allExtensionNumbersOfType ?? '')
        ? { allExtensionNumbersResponse: { baseTypeName: request.allExtensionNumbersOfType, extensionNumber: [] } }
        : missing(request.allExtensionNumbersOfType);
    case 'fileContainingExtension':
      return missing(request.fileContainingExtension?.containingType);
    default:
      return {
        errorResponse: { errorCode: Grpc.INVALID_ARGUMENT, errorMessage: 'the request names nothing to look up' },
      };
  }
}

function missing(what: string | undefined): object {
  return { errorResponse: { errorCode: Grpc.NOT_FOUND, errorMessage: `${what ?? ''} is not known` } };
}

/** A file with everything it imports, the file itself first. */
function files(file: DescFile | undefined, what: string | undefined): object {
  if (!file) return missing(what);
  const seen = new Map<string, DescFile>();
  const collect = (each: DescFile): void => {
    if (seen.has(each.proto.name)) return;
    seen.set(each.proto.name, each);
    each.dependencies.forEach(collect);
  };
  collect(file);
  return {
    fileDescriptorResponse: {
      fileDescriptorProto: [...seen.values()].map((each) =>
        Buffer.from(toBinary(FileDescriptorProtoSchema, each.proto)),
      ),
    },
  };
}

function findFile(name: string): DescFile | undefined {
  return [...descriptors().files].find((file) => file.proto.name === name);
}

/** The file that declares a service, method, message, enum, field or enum value. */
function findSymbol(symbol: string): DescFile | undefined {
  const registry = descriptors();
  const parent = symbol.slice(0, Math.max(symbol.lastIndexOf('.'), 0));
  const declared = registry.get(symbol) ?? registry.get(parent);
  if (!declared) return undefined;
  if (registry.get(symbol)) return declared.file;
  const member = symbol.slice(parent.length + 1);
  const members =
    declared.kind === 'service'
      ? declared.methods
      : declared.kind === 'message'
        ? declared.fields
        : declared.kind === 'enum'
          ? declared.values
          : [];
  return members.some((each) => each.name === member) ? declared.file : undefined;
}
