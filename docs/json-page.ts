/** JSON files that are made from code: the OpenAPI document the schemas of pipeline files and manifests, printed as the formatter has them. */
import { plexusVersion } from '../chassis/process.js';
import { createOpenApi } from '../gateway/http/index.js';
import { pipelineJsonSchema } from '../gateway/pipeline/index.js';
import { manifestJsonSchema } from '../models/index.js';

const COLUMNS = 120;

export function openApiPage(): string {
  return `${print(createOpenApi(plexusVersion), '', 0)}\n`;
}

export function pipelineSchemaPage(): string {
  return `${print(pipelineJsonSchema(), '', 0)}\n`;
}

export function manifestSchemaPage(): string {
  return `${print(manifestJsonSchema(), '', 0)}\n`;
}

/** Objects over several lines, lists of plain values on one where they fit. `used`: columns before the value. */
function print(value: unknown, indent: string, used: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    const line = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    if (value.every((item) => typeof item !== 'object' || item === null) && used + line.length + 1 <= COLUMNS)
      return line;
    return `[\n${value.map((item) => `${inner}${print(item, inner, inner.length)}`).join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.length === 0) return '{}';
  const lines = entries.map(([key, item]) => {
    const name = `${inner}${JSON.stringify(key)}: `;
    return `${name}${print(item, inner, name.length)}`;
  });
  return `{\n${lines.join(',\n')}\n${indent}}`;
}
