/** plexus.v1.Pipelines over gRPC. */
import assert from 'node:assert/strict';
import { createChannel, type Method } from '../../../chassis/channel.js';
import { createServer, type MeshServer } from '../../../chassis/server.js';
import { createClient, type PlexusClient } from '../../../client/index.js';
import { createLibrary, createPipelinesService, readFolder } from '../../../gateway/pipeline/index.js';
import type { Value } from '../../../protos/gen/google/protobuf/Value.js';
import { definition, packageRoot } from '../../../protos/index.js';
import { testServerSettings } from '../../kit/settings.js';
import { createFakeUpstream, type FakeUpstream, standardAnswers } from './fake-upstream.js';

const text = (value: string): { fields: Record<string, Value> } => ({ fields: { text: { stringValue: value } } });

describe('the Pipelines service', () => {
  let server: MeshServer;
  let address: string;
  let client: PlexusClient;
  let upstream: FakeUpstream;
  const library = createLibrary();
  const { 'classify.Classify': classify, ...others } = standardAnswers();
  let broken = false;

  before(async () => {
    assert.deepEqual(library.install(readFolder(`${packageRoot}/pipelines`)), []);
    upstream = createFakeUpstream({
      ...others,
      'classify.Classify': (request) => {
        if (broken) throw new Error('a stack that nobody must see /secret/path');
        return classify?.(request) ?? {};
      },
    });
    server = createServer({
      services: [createPipelinesService({ library, upstream })],
      address: '127.0.0.1:0',
      settings: testServerSettings(),
    });
    address = `127.0.0.1:${await server.start()}`;
    client = createClient(address);
  });
  after(async () => {
    client.close();
    await server.drain(0);
  });
  afterEach(() => {
    broken = false;
  });

  it('runs a pipeline and reports its steps', async () => {
    const response = await client.pipelines.run({ pipeline: 'analyze', input: text('hello') });
    assert.equal(response.output?.fields.tokens?.numberValue, 1);
    assert.deepEqual(
      response.steps.map(({ name, outcome }) => [name, outcome.replace('STEP_OUTCOME_', '')]),
      [
        ['tokens', 'OK'],
        ['summary', 'SKIPPED'],
        ['embedding', 'OK'],
        ['sentiment', 'OK'],
        ['language', 'OK'],
      ],
    );
    assert.equal(response.steps[0]?.model?.instance, 'tokenize-1');
    assert.equal(response.degraded, false);
    assert.ok(response.totalMs > 0);
  });

  it('streams events, and the whole response last', async () => {
    const events: string[] = [];
    for await (const event of client.pipelines.runStream({
      pipeline: 'digest',
      input: { fields: { documents: { listValue: { values: [{ stringValue: 'abc' }] } } } },
    })) {
      if (event.partial) events.push(`partial ${event.partial.delta}`);
      if (event.started) events.push(`started ${event.started.name}`);
      if (event.finished) events.push(`finished ${event.finished.name} ${event.finished.outcome}`);
      if (event.done) events.push(`done ${event.done.output?.fields.overall?.stringValue}`);
    }
    assert.deepEqual(events, [
      'started each_document',
      'finished overall STEP_OUTCOME_SKIPPED', // one document: its condition is known before anything else
      'partial short: ',
      'partial abc',
      'finished each_document STEP_OUTCOME_OK',
      'done short: abc',
    ]);
  });

  it('tells of the steps of a pipeline that is a step, and reports them after it', async () => {
    library.install(
      new Map([
        ...readFolder(`${packageRoot}/pipelines`),
        [
          'outer.yaml',
          'name: outer\nversion: "1"\ninput: {text: string}\nsteps: {inner: {pipeline: analyze, with: {text: "${input.text}"}}}\noutput: {n: "${steps.inner.tokens}"}\n',
        ],
      ]),
    );
    const finished: string[] = [];
    let steps: { name: string; startedMs: number }[] = [];
    for await (const event of client.pipelines.runStream({ pipeline: 'outer', input: text('hello') })) {
      if (event.finished) finished.push(event.finished.name);
      if (event.done) steps = event.done.steps;
    }
    const inner = ['inner.tokens', 'inner.summary', 'inner.embedding', 'inner.sentiment', 'inner.language'];
    assert.deepEqual([finished.at(-1), new Set(finished)], ['inner', new Set(['inner', ...inner])]);
    assert.deepEqual([steps[0]?.name, new Set(steps.map(({ name }) => name))], ['inner', new Set(['inner', ...inner])]);
    const analyzed = await client.pipelines.explain({ pipeline: 'outer', analyze: true, input: text('hello') });
    assert.match(analyzed.text, /^ {2}inner\.tokens +\|.*\| +\d+\.\d ms ok /m);
    library.install(readFolder(`${packageRoot}/pipelines`));
  });

  it('lists, describes and explains', async () => {
    const { pipelines } = await client.pipelines.list({});
    assert.deepEqual(
      pipelines.map(({ name }) => name),
      ['analyze', 'digest', 'route', 'search-index'],
    );
    const described = await client.pipelines.describe({ pipeline: 'analyze@1' });
    assert.deepEqual(described.inputs[0], {
      name: 'text',
      type: 'string',
      required: true,
      description: 'The text to analyze.',
    });
    assert.deepEqual(described.steps.find(({ name }) => name === 'embedding')?.after, ['summary']);
    assert.match(described.yaml, /^# yaml-language-server/);
    const explained = await client.pipelines.explain({ pipeline: 'analyze' });
    assert.match(explained.text, /stage 1 \(in parallel\)/);
    assert.equal(explained.run, null);
    const analyzed = await client.pipelines.explain({ pipeline: 'analyze', analyze: true, input: text('hello') });
    assert.match(analyzed.text, /critical path: /);
    assert.match(analyzed.mermaid, /ok \d+\.\d ms/);
    assert.equal(analyzed.run?.steps.length, 5);
  });

  it('validates a definition without installing it', async () => {
    assert.deepEqual(
      await client.pipelines.validate({
        yaml: 'name: x\nversion: "1"\nsteps: {a: {pipeline: analyze, with: {text: hi}}}\noutput: {n: "${steps.a.tokens}"}\n',
      }),
      { valid: true, problems: [] },
    );
    const { valid, problems } = await client.pipelines.validate({
      yaml: 'name: x\nversion: "1"\nsteps: {a: {pipeline: analyze, with: {txt: hi}}}\noutput: {n: "${steps.a.tokens}"}\n',
    });
    assert.equal(valid, false);
    assert.deepEqual(
      problems.map(({ path, suggestion, line }) => ({ path, suggestion, line })),
      [
        { path: 'steps.a.pipeline', suggestion: 'add text: under with', line: 3 },
        { path: 'steps.a.with.txt', suggestion: 'did you mean "text"?', line: 3 },
      ],
    );
    assert.throws(() => library.get('x'), { code: 'PIPELINE_UNKNOWN' });
  });

  it('says what is wrong with a request', async () => {
    await assert.rejects(client.pipelines.run({ input: text('x') }), {
      code: 'FIELD_REQUIRED',
      message: /pipeline: must be given: analyze/,
    });
    await assert.rejects(client.pipelines.run({ pipeline: 'analyse', input: text('x') }), {
      code: 'PIPELINE_UNKNOWN',
      message: /did you mean "analyze"/,
    });
    await assert.rejects(client.pipelines.run({ pipeline: 'analyze' }), {
      code: 'PIPELINE_INPUT_INVALID',
      message: /input\.text: pipeline analyze needs it/,
    });
    await assert.rejects(client.pipelines.validate({ yaml: '' }), { code: 'FIELD_REQUIRED' });
    await assert.rejects(client.pipelines.validate({ yaml: 'x'.repeat(300_000) }), { code: 'TEXT_TOO_LONG' });
    const deep = (depth: number): Value =>
      depth === 0 ? { numberValue: 1 } : { listValue: { values: [deep(depth - 1)] } };
    await assert.rejects(client.pipelines.run({ pipeline: 'analyze', input: { fields: { text: deep(40) } } }), {
      code: 'FIELD_INVALID',
      message: /nested deeper than/,
    });
  });

  it('never shows what broke inside', async () => {
    broken = true;
    const events: string[] = [];
    await assert.rejects(
      async () => {
        for await (const event of client.pipelines.runStream({ pipeline: 'analyze', input: text('x') }))
          events.push(JSON.stringify(event));
      },
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'INTERNAL');
        assert.match(error.message, /^step (sentiment|language): internal error, reference [0-9a-f]+$/);
        return true;
      },
    );
    assert.ok(!events.join('').includes('secret'));
    assert.match(events.join(''), /STEP_OUTCOME_FAILED/);
  });

  it('names what was degraded in a trailer, with a limit', async () => {
    const channel = createChannel(address);
    const { Run } = definition('plexus.v1.Pipelines') as unknown as { Run: Method<object, { degraded: boolean }> };
    const names = Array.from({ length: 40 }, (_, index) => `s${index}`);
    const steps = names.map((name) => `  ${name}: {call: infer.Infer, with: {inputs: []}, optional: true}\n`);
    const output = names.map((name) => `  ${name}: "\${has(steps.${name})}"\n`);
    library.install(
      new Map([['w.yaml', `name: w\nversion: "1"\nsteps:\n${steps.join('')}output:\n${output.join('')}`]]),
    );
    const { response, trailers } = await channel.unary(Run, { pipeline: 'w' }, { deadlineMs: Date.now() + 10_000 });
    assert.equal(response.degraded, true);
    assert.equal(trailers['x-plexus-degraded'], `${names.slice(0, 32).join(',')},and 8 more`);
    library.install(readFolder(`${packageRoot}/pipelines`));
    channel.close();
  });

  it('tells a degraded answer in the message', async () => {
    broken = true;
    const { degraded, steps, output } = await client.pipelines.run({ pipeline: 'route', input: text('refund') });
    assert.equal(degraded, true);
    assert.equal(steps.find(({ name }) => name === 'language')?.outcome, 'STEP_OUTCOME_FAILED');
    assert.equal(output?.fields.language, undefined);
  });
});
