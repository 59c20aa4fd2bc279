/** How requests name a model: "name", "name@version", "name:alias"; "" means the service's default. */
import { fieldError } from '../chassis/errors.js';

export interface ModelReference {
  /** "" for the default. */
  name: string;
  version?: string;
  alias?: string;
}

const PATTERN =
  /^(?<name>[A-Za-z0-9][A-Za-z0-9._/-]{0,127})(?:@(?<version>[A-Za-z0-9][A-Za-z0-9._-]{0,63})|:(?<alias>[A-Za-z][A-Za-z0-9._-]{0,63}))?$/;

/** Parses a reference from a request; MODEL_REFERENCE_INVALID names the field. */
export function parseReference(text: string, field = 'model'): ModelReference {
  if (text === '') return { name: '' };
  const groups = PATTERN.exec(text)?.groups;
  if (!groups?.name || groups.name.includes('..')) {
    throw fieldError(
      'MODEL_REFERENCE_INVALID',
      field,
      `must be "name", "name@version" or "name:alias", is ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return {
    name: groups.name,
    ...(groups.version && { version: groups.version }),
    ...(groups.alias && { alias: groups.alias }),
  };
}

export function formatReference({ name, version, alias }: ModelReference): string {
  return version ? `${name}@${version}` : alias ? `${name}:${alias}` : name;
}
