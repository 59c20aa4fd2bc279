/** The methods that HTTP offers: every one without a stream of requests, as /v1/{capability}/{method}. */
import type { DescMethod } from '@bufbuild/protobuf';
import { descriptors } from '../../chassis/descriptors.js';
import { MeshError } from '../../chassis/errors.js';
import { CAPABILITIES } from '../../registry/index.js';
import { didYouMean } from '../nearest.js';

export interface HttpMethod {
  /** "embed". */
  group: string;
  /** "zero-shot". */
  name: string;
  /** "/v1/classify/zero-shot". */
  path: string;
  /** "plexus.v1.Classify". */
  service: string;
  desc: DescMethod;
  streams: boolean;
}

/** First part of the path -> service; pipelines have routes of their own. */
const GROUPS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    CAPABILITIES.map((capability) => [capability, `plexus.v1.${capability[0]?.toUpperCase()}${capability.slice(1)}`]),
  ),
  models: 'plexus.v1.Models',
};

let all: readonly HttpMethod[] | undefined;

export function httpMethods(): readonly HttpMethod[] {
  all ??= Object.entries(GROUPS).flatMap(([group, service]) =>
    (descriptors().getService(service)?.methods ?? [])
      .filter(({ methodKind }) => methodKind === 'unary' || methodKind === 'server_streaming')
      .map((desc) => {
        const name = kebab(desc.name);
        return {
          group,
          name,
          path: `/v1/${group}/${name}`,
          service,
          desc,
          streams: desc.methodKind === 'server_streaming',
        };
      }),
  );
  return all;
}

/** By the two parts of a path, in kebab or camel case. Throws METHOD_UNKNOWN with the nearest name. */
export function findHttpMethod(group: string, name: string): HttpMethod {
  const methods = httpMethods().filter((each) => each.group === group);
  if (methods.length === 0) {
    const groups = [...Object.keys(GROUPS), 'pipelines'];
    throw new MeshError(
      'METHOD_UNKNOWN',
      `there is nothing at /v1/${shown(group)}; ${didYouMean(group, groups) || `there are ${groups.join(', ')}`}`,
    );
  }
  const found = methods.find((each) => each.name === name || fold(each.name) === fold(name));
  if (found) return found;
  const names = methods.map((each) => each.name);
  const bidi = descriptors()
    .getService(GROUPS[group] ?? '')
    ?.methods.find((each) => fold(each.name) === fold(name));
  const why = bidi
    ? 'takes a stream of requests, which only gRPC can carry'
    : `is not a method of ${group}; ${didYouMean(name, names) || `it has ${names.join(', ')}`}`;
  throw new MeshError('METHOD_UNKNOWN', `${shown(name)} ${why}`);
}

export function kebab(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, '-$&').toLowerCase();
}

function fold(name: string): string {
  return name.replace(/[-_]/g, '').toLowerCase();
}

function shown(part: string): string {
  return part.length > 40 ? `${part.slice(0, 37)}...` : part;
}
