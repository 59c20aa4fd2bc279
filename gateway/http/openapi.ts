/**
 * OpenAPI 3.1 of the HTTP side, generated from the protos: their comments become descriptions, their messages schemas in the
 * proto3 JSON mapping. docs/openapi.json is this document; a test compares the two.
 */
import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { descriptors } from '../../chassis/descriptors.js';
import { ERRORS } from '../../chassis/errors.js';
import { comment } from './comments.js';
import { httpMethods } from './methods.js';

type Schema = Record<string, unknown>;

const REF = '#/components/schemas/';

export function createOpenApi(version: string): Schema {
  const schemas = new Map<string, Schema>();
  const paths: Record<string, Schema> = {};
  for (const { path, group, desc, streams } of httpMethods()) {
    paths[path] = {
      post: operation(`${group}.${desc.name}`, group, comment(desc), desc.input, desc.output, streams, schemas),
    };
  }
  addPipelines(paths, schemas);
  addPlain(paths, schemas);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Plexus',
      version,
      summary: 'Tokenize, embed, classify, summarize and infer as a mesh of model services, composed by pipelines.',
      description:
        'JSON follows the proto3 mapping: lowerCamelCase names come out, lowerCamelCase and snake_case go in; fields at their default are left out of answers. Errors name fields as the protos do (snake_case).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(httpMethods().map(({ group }) => group)), 'pipelines', 'gateway'].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(
        [...schemas, ['Error', errorSchema()]].sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)),
      ),
      responses: {
        Error: {
          description: 'What went wrong; the status is that of the code.',
          content: { 'application/json': { schema: { $ref: `${REF}Error` } } },
        },
      },
      parameters: {
        Timeout: {
          name: 'x-timeout-ms',
          in: 'header',
          required: false,
          description: 'Milliseconds the caller gives; also grpc-timeout and timeout.',
          schema: { type: 'integer', minimum: 0 },
        },
        RequestId: {
          name: 'x-request-id',
          in: 'header',
          required: false,
          description: 'Returned with the answer and logged; a new one is made where it is absent.',
          schema: { type: 'string', maxLength: 128 },
        },
      },
    },
  };
}

const COMMON = [{ $ref: '#/components/parameters/Timeout' }, { $ref: '#/components/parameters/RequestId' }];

function operation(
  operationId: string,
  tag: string,
  description: string,
  input: DescMessage | undefined,
  output: DescMessage,
  streams: boolean,
  schemas: Map<string, Schema>,
  parameters: Schema[] = [],
): Schema {
  const schema = reference(output, schemas);
  return {
    operationId,
    tags: [tag],
    ...(description && { description }),
    parameters: [...parameters, ...COMMON],
    ...(input && {
      requestBody: { required: true, content: { 'application/json': { schema: reference(input, schemas) } } },
    }),
    responses: {
      200: {
        description: streams
          ? 'Server-sent events, one a message: the event is the name of the member that is set, the data the message. An error after the first event is an event "error".'
          : 'OK',
        content: streams ? { 'text/event-stream': { schema } } : { 'application/json': { schema } },
      },
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

function addPipelines(paths: Record<string, Schema>, schemas: Map<string, Schema>): void {
  const service = descriptors().getService('plexus.v1.Pipelines');
  const named = {
    name: 'pipeline',
    in: 'path',
    required: true,
    description: '"name" or "name@version".',
    schema: { type: 'string' },
  };
  const method = (name: string): { input: DescMessage; output: DescMessage; description: string; streams: boolean } => {
    const found = service?.methods.find((each) => each.name === name);
    if (!found) throw new Error(`plexus.v1.Pipelines has no ${name}`);
    return {
      input: found.input,
      output: found.output,
      description: comment(found),
      streams: found.methodKind === 'server_streaming',
    };
  };
  const make = (name: string, body: boolean, parameters: Schema[] = []): Schema => {
    const { input, output, description, streams } = method(name);
    const made = operation(
      `pipelines.${name}`,
      'pipelines',
      description,
      undefined,
      output,
      streams,
      schemas,
      parameters,
    );
    if (!body) return made;
    // The pipeline's name stands in the path.
    const { pipeline: _pipeline, ...properties } = messageSchema(input, schemas).properties as Record<string, Schema>;
    const schema = { type: 'object', properties, additionalProperties: false };
    return { ...made, requestBody: { required: true, content: { 'application/json': { schema } } } };
  };
  paths['/v1/pipelines'] = { get: make('List', false) };
  paths['/v1/pipelines/{pipeline}'] = { get: make('Describe', false, [named]) };
  paths['/v1/pipelines/{pipeline}:run'] = {
    post: {
      ...make('Run', true, [named]),
      description: `${method('Run').description} With accept: text/event-stream, as runStream.`,
    },
  };
  paths['/v1/pipelines/{pipeline}:runStream'] = { post: make('RunStream', true, [named]) };
  paths['/v1/pipelines/{pipeline}:explain'] = { post: make('Explain', true, [named]) };
  paths['/v1/pipelines:validate'] = { post: make('Validate', true) };
}

function addPlain(paths: Record<string, Schema>, schemas: Map<string, Schema>): void {
  const models = descriptors()
    .getService('plexus.v1.Models')
    ?.methods.find(({ name }) => name === 'List');
  const get = (operationId: string, description: string, type: string, schema: Schema, more: Schema = {}): Schema => ({
    get: {
      operationId,
      tags: ['gateway'],
      description,
      responses: { 200: { description: 'OK', content: { [type]: { schema } } }, ...more },
    },
  });
  const state = {
    type: 'object',
    properties: {
      ready: { type: 'boolean' },
      registry: { type: 'boolean', description: 'The registry has answered.' },
      capabilities: {
        type: 'object',
        additionalProperties: { type: 'integer' },
        description: 'Serving instances by capability.',
      },
      missing: { type: 'array', items: { type: 'string' } },
      draining: { type: 'boolean' },
    },
  };
  const instance = {
    type: 'object',
    properties: {
      id: { type: 'string' },
      capability: { type: 'string' },
      address: { type: 'string' },
      version: { type: 'string' },
      models: { type: 'array', items: { type: 'string' } },
      state: { type: 'string' },
      inFlight: { type: 'integer' },
      attempts: { type: 'integer' },
      latencyMs: { type: 'number' },
    },
  };
  if (models) {
    const parameters = [
      {
        name: 'capability',
        in: 'query',
        required: false,
        description: 'Only this capability.',
        schema: { type: 'string' },
      },
    ];
    paths['/v1/models'] = {
      get: operation(
        'models.ListAll',
        'models',
        'Models of the whole mesh, one an instance.',
        undefined,
        models.output,
        false,
        schemas,
        parameters,
      ),
    };
  }
  paths['/v1/instances'] = get('gateway.instances', 'Instances as the gateway sees them.', 'application/json', {
    type: 'object',
    properties: { instances: { type: 'array', items: instance } },
  });
  paths['/healthz'] = get('gateway.healthz', 'The process lives.', 'application/json', {
    type: 'object',
    properties: { status: { type: 'string' } },
  });
  paths['/readyz'] = get(
    'gateway.readyz',
    'The registry has answered and every capability has a serving instance; infer may be missing.',
    'application/json',
    state,
    {
      503: {
        description: 'Not ready; `missing` says what is not there.',
        content: { 'application/json': { schema: state } },
      },
    },
  );
  paths['/metrics'] = get('gateway.metrics', 'Prometheus metrics of the gateway.', 'text/plain', { type: 'string' });
  paths['/openapi.json'] = get('gateway.openapi', 'This document.', 'application/json', { type: 'object' });
}

function reference(type: DescMessage | DescEnum, schemas: Map<string, Schema>): Schema {
  if (type.typeName === 'google.protobuf.Duration')
    return { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$', examples: ['1.5s'] };
  if (type.typeName === 'google.protobuf.Timestamp') return { type: 'string', format: 'date-time' };
  if (type.typeName === 'google.protobuf.Struct') return { type: 'object', additionalProperties: true };
  const name = type.name;
  if (!schemas.has(name)) {
    schemas.set(name, {}); // messages may hold themselves
    schemas.set(name, type.kind === 'enum' ? enumSchema(type) : messageSchema(type, schemas));
  }
  return { $ref: `${REF}${name}` };
}

function messageSchema(message: DescMessage, schemas: Map<string, Schema>): Schema {
  const properties: Record<string, Schema> = {};
  for (const field of message.fields) {
    const description = [
      comment(field),
      field.oneof ? `At most one of ${field.oneof.fields.map(({ jsonName }) => jsonName).join(', ')} is set.` : '',
    ]
      .filter(Boolean)
      .join(' ');
    const schema = fieldSchema(field, schemas);
    properties[field.jsonName] = description ? { ...schema, description } : schema;
  }
  const description = comment(message);
  return { type: 'object', ...(description && { description }), properties, additionalProperties: false };
}

function enumSchema(type: DescEnum): Schema {
  const lines = type.values.map((value) => `- ${value.name}${comment(value) ? `: ${comment(value)}` : ''}`);
  const description = [comment(type), lines.join('\n')].filter(Boolean).join('\n\n');
  return { type: 'string', enum: type.values.map(({ name }) => name), description };
}

function fieldSchema(field: DescField, schemas: Map<string, Schema>): Schema {
  const item = field.message
    ? reference(field.message, schemas)
    : field.enum
      ? reference(field.enum, schemas)
      : scalarSchema(field.scalar);
  if (field.fieldKind === 'list') return { type: 'array', items: item };
  return field.fieldKind === 'map' ? { type: 'object', additionalProperties: item } : item;
}

function scalarSchema(scalar: ScalarType | undefined): Schema {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: 'string' };
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.BYTES:
      return { type: 'string', contentEncoding: 'base64' };
    case ScalarType.FLOAT:
      return { type: 'number', format: 'float' };
    case ScalarType.DOUBLE:
      return { type: 'number', format: 'double' };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: 'integer', minimum: 0, maximum: 4_294_967_295 };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: 'string', pattern: '^[0-9]+$', description: '64 bits: a string in JSON.' };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: 'string', pattern: '^-?[0-9]+$', description: '64 bits: a string in JSON.' };
    default:
      return { type: 'integer', minimum: -2_147_483_648, maximum: 2_147_483_647 };
  }
}

function errorSchema(): Schema {
  const text = { type: 'string' };
  return {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message', 'status', 'retryable', 'violations', 'request_id'],
        properties: {
          code: { type: 'string', enum: Object.keys(ERRORS), description: 'Stable; see docs/errors.md.' },
          message: text,
          status: { type: 'integer', description: 'HTTP status.' },
          retryable: { type: 'boolean', description: 'The same request may succeed later.' },
          retry_after_ms: { type: 'integer', description: 'When to try again, where that is known.' },
          violations: {
            type: 'array',
            items: {
              type: 'object',
              required: ['field', 'description'],
              properties: { field: text, description: text },
            },
          },
          request_id: text,
        },
      },
    },
  };
}
