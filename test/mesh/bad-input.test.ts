/**
 * Bad input, sent to a real mesh through the gateway, over gRPC and over HTTP: each case has a stable code, the right status
 * on both, a message that names the field, and leaves the mesh as well as it was.
 */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { type Channel, createChannel, type Method } from '../../chassis/channel.js';
import { asBytes } from '../../chassis/codec.js';
import { ERRORS, type ErrorCode, MeshError } from '../../chassis/errors.js';
import { type Definitions, definition } from '../../protos/index.js';
import { type Mesh, startMesh } from '../kit/mesh.js';

interface Case {
  name: string;
  service: keyof Definitions;
  method: string;
  /** In the form of proto-loader; JSON is the same unless `json` says otherwise. */
  request: object;
  json?: object | string;
  /** False where JSON cannot say it. */
  http?: false;
  code: ErrorCode;
  /** Named by a violation. */
  field?: string;
  message?: RegExp;
}

const TEN_MB = 'word '.repeat(2_000_000);

const CASES: readonly Case[] = [
  {
    name: 'no texts',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: {},
    code: 'FIELD_REQUIRED',
    field: 'texts',
  },
  {
    name: 'no texts to classify',
    service: 'plexus.v1.Classify',
    method: 'Classify',
    request: { texts: [] },
    code: 'FIELD_REQUIRED',
    field: 'texts',
  },
  {
    name: 'no texts to summarize',
    service: 'plexus.v1.Summarize',
    method: 'Summarize',
    request: {},
    code: 'FIELD_REQUIRED',
    field: 'texts',
  },
  {
    name: 'no texts to tokenize',
    service: 'plexus.v1.Tokenize',
    method: 'Encode',
    request: {},
    code: 'FIELD_REQUIRED',
    field: 'texts',
  },
  {
    name: 'no labels',
    service: 'plexus.v1.Classify',
    method: 'ZeroShot',
    request: { texts: ['x'] },
    code: 'FIELD_REQUIRED',
    field: 'labels',
  },
  {
    name: 'the same label twice',
    service: 'plexus.v1.Classify',
    method: 'ZeroShot',
    request: { texts: ['x'], labels: ['a', 'a'] },
    code: 'FIELD_INVALID',
    field: 'labels[1]',
  },
  {
    name: 'a text too long for the model, truncation refused',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: { texts: ['ok', 'word '.repeat(600)], truncate: 'TRUNCATE_REFUSE' },
    code: 'TEXT_TOO_LONG',
    field: 'texts[1]',
  },
  {
    name: 'a 10 MB text to embed',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: { texts: [TEN_MB] },
    code: 'TEXT_TOO_LONG',
    field: 'texts[0]',
  },
  {
    name: 'a 10 MB text to summarize',
    service: 'plexus.v1.Summarize',
    method: 'Summarize',
    request: { texts: [TEN_MB] },
    code: 'TEXT_TOO_LONG',
    field: 'texts[0]',
  },
  {
    name: 'a 10 MB text to chunk',
    service: 'plexus.v1.Tokenize',
    method: 'Chunk',
    request: { text: TEN_MB, maxTokens: 10 },
    code: 'TEXT_TOO_LONG',
    field: 'text',
  },
  {
    name: '100,000 items',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: { texts: Array.from({ length: 100_000 }, () => 'x') },
    code: 'TOO_MANY_ITEMS',
    field: 'texts',
    message: /at most 1024 items, has 100000/,
  },
  {
    name: 'an unknown model',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: { texts: ['x'], model: 'nope' },
    code: 'MODEL_UNKNOWN',
    message: /minilm-l3-en/,
  },
  {
    name: 'an unknown version',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: { texts: ['x'], model: 'minilm-l3-en@99' },
    code: 'VERSION_UNKNOWN',
    message: /99/,
  },
  {
    name: 'an unknown alias',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: { texts: ['x'], model: 'minilm-l3-en:nope' },
    code: 'ALIAS_UNKNOWN',
    message: /nope/,
  },
  {
    name: 'a reference that is a path',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: { texts: ['x'], model: '../../etc/passwd' },
    code: 'MODEL_REFERENCE_INVALID',
    field: 'model',
  },
  {
    name: 'a model of another task',
    service: 'plexus.v1.Classify',
    method: 'Classify',
    request: { texts: ['x'], model: 'minilm-l3-en' },
    code: 'MODEL_WRONG_TASK',
  },
  {
    name: 'a NaN threshold',
    service: 'plexus.v1.Classify',
    method: 'Classify',
    request: { texts: ['x'], threshold: Number.NaN },
    json: { texts: ['x'], threshold: 'NaN' },
    code: 'FIELD_INVALID',
    field: 'threshold',
  },
  {
    name: 'an infinite threshold',
    service: 'plexus.v1.Classify',
    method: 'Classify',
    request: { texts: ['x'], threshold: Number.POSITIVE_INFINITY },
    json: { texts: ['x'], threshold: 'Infinity' },
    code: 'FIELD_INVALID',
    field: 'threshold',
  },
  {
    name: 'a NaN share',
    service: 'plexus.v1.Summarize',
    method: 'Summarize',
    request: { texts: ['One. Two.'], length: { share: Number.NaN } },
    json: { texts: ['One. Two.'], length: { share: 'NaN' } },
    code: 'FIELD_INVALID',
    field: 'length.share',
  },
  {
    name: 'more dimensions than there are',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: { texts: ['x'], dimensions: 100_000 },
    code: 'FIELD_INVALID',
    field: 'dimensions',
  },
  {
    name: 'an unknown prompt',
    service: 'plexus.v1.Embed',
    method: 'Embed',
    request: { texts: ['x'], promptName: 'nope' },
    code: 'OPTION_UNSUPPORTED',
    field: 'prompt_name',
  },
  {
    name: 'a token id that does not exist',
    service: 'plexus.v1.Tokenize',
    method: 'Decode',
    request: { sequences: [{ ids: [4_000_000] }] },
    code: 'FIELD_INVALID',
    field: 'sequences[0].ids[0]',
  },
  {
    name: 'an overlap as long as a chunk',
    service: 'plexus.v1.Tokenize',
    method: 'Chunk',
    request: { text: 'x', maxTokens: 5, overlapTokens: 5 },
    code: 'FIELD_INVALID',
    field: 'overlap_tokens',
  },
  {
    name: 'an unknown pipeline',
    service: 'plexus.v1.Pipelines',
    method: 'Run',
    request: { pipeline: 'nope' },
    http: false,
    code: 'PIPELINE_UNKNOWN',
    message: /analyze/,
  },
  {
    name: 'no pipeline',
    service: 'plexus.v1.Pipelines',
    method: 'Run',
    request: {},
    http: false,
    code: 'FIELD_REQUIRED',
    field: 'pipeline',
  },
];

describe('bad input', function () {
  this.timeout(60_000);
  let mesh: Mesh;
  let channel: Channel;

  before(async () => {
    mesh = await startMesh();
    channel = createChannel(mesh.grpc);
  });

  after(async () => {
    channel?.close();
    await mesh?.stop();
  });

  afterEach(async () => {
    const { response } = await channel.unary(
      definition('plexus.v1.Embed').Embed,
      { texts: ['still here'] },
      { deadlineMs: Date.now() + 10_000 },
    );
    assert.equal(response.dimensions, 384);
    assert.doesNotMatch(mesh.output, /died/);
  });

  for (const { name, service, method, request, code, field, message } of CASES) {
    it(`gRPC: ${name} is ${code}`, async () => {
      const error = await refused(
        channel.unary(methodOf(service, method), request, { deadlineMs: Date.now() + 30_000 }),
      );
      checkError(error.code, error.message, error.violations, { code, field, message });
    });
  }

  for (const { name, service, method, request, json, http, code, field, message } of CASES.filter(
    ({ http }) => http !== false,
  )) {
    it(`HTTP: ${name} is ${code} with ${ERRORS[code].http}`, async () => {
      const { status, body } = await post(
        mesh.http,
        `/v1/${service.slice('plexus.v1.'.length).toLowerCase()}/${kebab(method)}`,
        JSON.stringify(json ?? request),
      );
      assert.equal(status, ERRORS[code].http, JSON.stringify(body).slice(0, 300));
      checkError(body.error.code, body.error.message, body.error.violations ?? [], { code, field: field, message });
      assert(http === undefined);
    });
  }

  for (const [name, path, body, code] of [
    ['a body that is not JSON', '/v1/embed/embed', '{"texts": [', 'MESSAGE_INVALID'],
    ['a field of the wrong type', '/v1/embed/embed', '{"texts": 7}', 'FIELD_INVALID'],
    ['a field that does not exist', '/v1/embed/embed', '{"text": ["x"]}', 'FIELD_UNKNOWN'],
    ['a route that does not exist', '/v1/embed/fly', '{}', 'METHOD_UNKNOWN'],
    ['an unknown pipeline', '/v1/pipelines/nope:run', '{"input": {}}', 'PIPELINE_UNKNOWN'],
    [
      'an input the pipeline does not take',
      '/v1/pipelines/analyze:run',
      '{"input": {"text": 7}}',
      'PIPELINE_INPUT_INVALID',
    ],
    ['a missing input', '/v1/pipelines/analyze:run', '{"input": {}}', 'PIPELINE_INPUT_INVALID'],
  ] as const) {
    it(`HTTP: ${name} is ${code}`, async () => {
      const answer = await post(mesh.http, path, body);
      assert.equal(answer.body.error.code, code, JSON.stringify(answer.body));
      assert.equal(answer.status, ERRORS[code].http);
      checkError(answer.body.error.code, answer.body.error.message, [], { code, field: undefined, message: undefined });
    });
  }

  it('gRPC: text that is not UTF-8 is TEXT_NOT_UTF8 and names the field', async () => {
    const request = Buffer.from([0x12, 3, 0x61, 0xc3, 0x28]);
    const embed = definition('plexus.v1.Embed') as unknown as ServiceDefinition;
    const error = await refused(
      channel.unary(asBytes(embed.Embed as never), request, { deadlineMs: Date.now() + 10_000 }),
    );
    checkError(error.code, error.message, error.violations, {
      code: 'TEXT_NOT_UTF8',
      field: 'texts[0]',
      message: undefined,
    });
  });

  it('gRPC: a pipeline that does not type-check is told line, column and a suggestion', async () => {
    const yaml = [
      'name: p',
      'version: "1"',
      'input:',
      '  text: { type: string }',
      'steps:',
      '  e:',
      '    call: embed.Embed',
      '    with:',
      `      textss: ["\${input.text}"]`,
      'output:',
      `  d: \${steps.e.dimensions}`,
    ].join('\n');
    const { response } = await channel.unary(
      definition('plexus.v1.Pipelines').Validate,
      { yaml },
      { deadlineMs: Date.now() + 10_000 },
    );
    assert.equal(response.valid, false);
    const problem = response.problems.find(({ path }) => path === 'steps.e.with.textss');
    assert.equal(problem?.line, 9);
    assert.equal(problem.column, 7);
    assert.match(`${problem.message} ${problem.suggestion}`, /did you mean "?texts/);
  });

  it('gRPC: an expired deadline is DEADLINE_EXCEEDED', async () => {
    const error = await refused(
      channel.unary(definition('plexus.v1.Embed').Embed, { texts: ['x'] }, { deadlineMs: Date.now() - 1 }),
    );
    assert.equal(error.code, 'DEADLINE_EXCEEDED');
  });

  it('HTTP: a deadline too short is 504', async () => {
    const texts = Array.from({ length: 1_000 }, (_, index) => `${'a long sentence about nothing '.repeat(20)}${index}`);
    const { status, body } = await post(mesh.http, '/v1/embed/embed', JSON.stringify({ texts }), {
      'x-timeout-ms': '20',
    });
    assert(status === 504 || status === 429, `${status} ${body.error.code}`); // 429: refused at once, since it could not make it
  });

  it('gRPC: a call that its caller leaves is CANCELLED', async () => {
    const caller = new AbortController();
    const texts = Array.from(
      { length: 1_000 },
      (_, index) => `${'another sentence about nothing '.repeat(20)}${index}`,
    );
    const call = refused(
      channel.unary(
        definition('plexus.v1.Embed').Embed,
        { texts },
        { deadlineMs: Date.now() + 30_000, signal: caller.signal },
      ),
    );
    setImmediate(() => caller.abort(new MeshError('CANCELLED', 'left')));
    assert.equal((await call).code, 'CANCELLED');
  });
});

function checkError(
  code: string,
  text: string,
  violations: readonly { field: string }[],
  expected: Pick<Case, 'code'> & { field: string | undefined; message: RegExp | undefined },
): void {
  assert.equal(code, expected.code, text);
  if (expected.field !== undefined)
    assert(
      violations.some(({ field }) => field === expected.field),
      `${JSON.stringify(violations)} does not name ${expected.field}`,
    );
  if (expected.message) assert.match(text, expected.message);
  assert.doesNotMatch(text, /\/home|\/root|node_modules|dist\/|\.ts:|\.js:|\n +at /, 'no path, no stack');
}

async function refused(call: Promise<unknown>): Promise<MeshError> {
  const error = await call.then(
    () => assert.fail('it was answered'),
    (thrown: unknown) => thrown,
  );
  assert(error instanceof MeshError, String(error));
  return error;
}

function methodOf(service: keyof Definitions, method: string): Method<unknown, unknown> {
  return (definition(service) as unknown as ServiceDefinition)[method] as Method<unknown, unknown>;
}

interface Posted {
  status: number;
  body: { error: { code: string; message: string; violations?: { field: string }[] } };
}

function post(
  address: string,
  path: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Posted> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      `http://${address}${path}`,
      { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: JSON.parse(Buffer.concat(chunks).toString()) as Posted['body'],
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

function kebab(method: string): string {
  return method.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).toLowerCase();
}
