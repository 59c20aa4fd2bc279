/** The gateway over HTTP, in front of real gRPC services. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { Script } from 'node:vm';
import type { CallContext } from '../../../chassis/call.js';
import { MeshError } from '../../../chassis/errors.js';
import { createClient } from '../../../client/index.js';
import { until } from '../../kit/until.js';
import { type Mesh, startMesh } from './mesh.js';

interface ErrorAnswer {
  error: {
    code: string;
    message: string;
    status: number;
    retryable: boolean;
    retry_after_ms?: number;
    violations: { field: string }[];
    request_id: string;
  };
}

describe('the gateway over HTTP', () => {
  let mesh: Mesh;
  const seen: CallContext[] = [];
  let hanging = 0;
  let stopped = 0;

  before(async () => {
    mesh = await startMesh({
      server: { messageBytesMax: 12 * 2 ** 20 },
      gateway: { httpHeartbeatMs: 100 },
      handlers: {
        'tokenize.Count': ({ texts }, context) => {
          seen.push(context);
          return { counts: ((texts ?? []) as string[]).map((text) => text.split(' ').length) };
        },
        'embed.Similarity': async (_request, { signal }) => {
          hanging++;
          await new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => {
              stopped++;
              reject(signal.reason);
            }),
          );
          return {};
        },
        'classify.Classify': () => {
          throw new MeshError('QUEUE_FULL', 'the queue of sentiment-en is full', { retryAfterMs: 20 });
        },
        'classify.ClassifyPairs': () => {
          throw new Error('secret at /home/someone/model.onnx');
        },
        'summarize.SummarizeStream': async function* ({ text }, { signal }) {
          if (text === 'refuse')
            throw new MeshError('TEXT_TOO_LONG', 'text: too long', {
              violations: [{ field: 'text', description: 'too long' }],
            });
          yield { delta: 'one ' };
          if (text === 'break') throw new MeshError('MODEL_FAILED', 'it broke');
          if (text === 'hang') {
            hanging++;
            await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
            stopped++;
            throw signal.reason;
          }
          yield { delta: 'two' };
          yield { done: { summaries: [{ text: 'one two' }] } };
        },
      },
    });
    await until(
      'the gateway to be ready',
      async () => (await fetch(`${mesh.url}/readyz`)).status,
      (status) => status === 200,
    );
  });
  after(() => mesh.stop());

  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${mesh.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
    });
  const failed = async (response: Response): Promise<ErrorAnswer['error']> =>
    ((await response.json()) as ErrorAnswer).error;

  it('answers every capability', async () => {
    for (const [path, body, field] of [
      ['/v1/tokenize/count', { texts: ['a b', 'c'] }, 'counts'],
      ['/v1/embed/embed', { texts: ['a'] }, 'embeddings'],
      ['/v1/classify/zero-shot', { texts: ['a'], labels: ['x', 'y'] }, 'classifications'],
      ['/v1/classify/zeroShot', { texts: ['a'], labels: ['x', 'y'] }, 'classifications'],
      ['/v1/summarize/summarize', { texts: ['a'] }, 'summaries'],
    ] as const) {
      const response = await post(path, body);
      assert.equal(response.status, 200, path);
      assert.ok(field in ((await response.json()) as object), path);
    }
  });

  it('passes request id and trace on, and answers with the id, the instance and the attempts', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const response = await post('/v1/tokenize/count', { texts: ['a'] }, { 'x-request-id': 'my-id', traceparent });
    assert.deepEqual(
      [
        response.headers.get('x-request-id'),
        response.headers.get('x-plexus-instance'),
        response.headers.get('x-plexus-attempts'),
      ],
      ['my-id', 'tokenize-1', '1'],
    );
    assert.deepEqual([seen.at(-1)?.requestId, seen.at(-1)?.traceparent], ['my-id', traceparent]);
    const made = await post('/v1/tokenize/count', { texts: ['a'] }, { 'x-request-id': 'x'.repeat(500) });
    assert.match(made.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/, 'an unusable id is replaced');
  });

  for (const [header, value, ms] of [
    ['x-timeout-ms', '2000', 2_000],
    ['grpc-timeout', '3S', 3_000],
    ['timeout', '4.5', 4_500],
    ['timeout', '700ms', 700],
    ['x-timeout-ms', '999999999999', 600_000],
  ] as const) {
    it(`gives the service the time of ${header}: ${value}`, async () => {
      await post('/v1/tokenize/count', { texts: ['a'] }, { [header]: value });
      const left = (seen.at(-1)?.deadlineMs ?? 0) - Date.now();
      assert.ok(left <= ms && left > ms - 2_000 - ms * 0.03, `${left} of ${ms}`);
    });
  }

  it('runs pipelines', async () => {
    const run = await post('/v1/pipelines/search-index:run', { input: { text: 'One. Two' } });
    assert.equal(run.status, 200);
    const { output, steps } = (await run.json()) as { output: { pieces: unknown[] }; steps: { name: string }[] };
    assert.equal(output.pieces.length, 2);
    assert.deepEqual(
      steps.map(({ name }) => name),
      ['pieces', 'vectors'],
    );
    const listed = (await (await fetch(`${mesh.url}/v1/pipelines`)).json()) as { pipelines: { name: string }[] };
    assert.deepEqual(
      listed.pipelines.map(({ name }) => name),
      ['analyze', 'digest', 'route', 'search-index'],
    );
    assert.equal((await fetch(`${mesh.url}/v1/pipelines/digest@1`)).status, 200);
    const explained = await post('/v1/pipelines/route:explain', {});
    assert.match(((await explained.json()) as { text: string }).text, /^pipeline route@1/);
    const validated = await post('/v1/pipelines:validate', { yaml: 'name: x' });
    assert.ok(((await validated.json()) as { problems: unknown[] }).problems.length > 0);
  });

  it('tells a degraded answer in body and header', async () => {
    const response = await post('/v1/pipelines/route:run', { input: { text: 'a' } });
    assert.equal(response.headers.get('x-plexus-degraded'), 'language');
    assert.equal(((await response.json()) as { degraded: boolean }).degraded, true);
  });

  describe('events', () => {
    const events = async (response: Response): Promise<[string, unknown][]> => {
      assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
      return (await response.text())
        .split('\n\n')
        .filter((each) => each.startsWith('event: '))
        .map((each) => {
          const [, event = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(each) ?? [];
          return [event, JSON.parse(data)];
        });
    };

    it('come one a message, named after what they carry', async () => {
      assert.deepEqual(await events(await post('/v1/summarize/summarize-stream', { text: 'fine' })), [
        ['delta', { delta: 'one ' }],
        ['delta', { delta: 'two' }],
        ['done', { done: { summaries: [{ text: 'one two' }] } }],
      ]);
    });

    it('of a run come by :runStream, or by asking for them', async () => {
      const body = { input: { text: 'One. Two' } };
      const names = (list: [string, unknown][]): string[] => list.map(([name]) => name);
      const expected = ['started', 'finished', 'started', 'finished', 'done'];
      assert.deepEqual(names(await events(await post('/v1/pipelines/search-index:runStream', body))), expected);
      assert.deepEqual(
        names(await events(await post('/v1/pipelines/search-index:run', body, { accept: 'text/event-stream' }))),
        expected,
      );
    });

    it('do not begin where the call fails at once: a plain error', async () => {
      const response = await post('/v1/summarize/summarize-stream', { text: 'refuse' });
      assert.equal(response.status, 400);
      assert.equal((await failed(response)).code, 'TEXT_TOO_LONG');
    });

    it('end with an error event where it fails later', async () => {
      const all = await events(await post('/v1/summarize/summarize-stream', { text: 'break' }));
      assert.deepEqual(
        all.map(([name]) => name),
        ['delta', 'error'],
      );
      const last = all.at(-1)?.[1] as ErrorAnswer | undefined;
      assert.equal(last?.error.code, 'MODEL_FAILED');
    });

    it('are kept open by comments, and the work stops when the client leaves', async () => {
      const before = { hanging, stopped };
      const leave = new AbortController();
      const response = await fetch(`${mesh.url}/v1/summarize/summarize-stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"text": "hang"}',
        signal: leave.signal,
      });
      const reader = response.body?.getReader();
      let text = '';
      const decoder = new TextDecoder();
      while (reader && !text.includes(': still working'))
        text += decoder.decode((await reader.read()).value, { stream: true });
      assert.match(text, /^event: delta/);
      assert.equal(hanging, before.hanging + 1);
      leave.abort();
      await until(
        'the service to stop',
        () => stopped,
        (count) => count === before.stopped + 1,
      );
    });
  });

  it('stops the work of a unary call whose client leaves', async () => {
    const before = { hanging, stopped };
    const leave = new AbortController();
    const gone = fetch(`${mesh.url}/v1/embed/similarity`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"source": "a", "texts": ["b"]}',
      signal: leave.signal,
    });
    gone.catch(() => {});
    await until(
      'the call to arrive',
      () => hanging,
      (count) => count > before.hanging,
    );
    leave.abort();
    await assert.rejects(gone);
    await until(
      'the service to stop',
      () => stopped,
      (count) => count >= before.stopped + (hanging - before.hanging),
    );
  });

  describe('refuses', () => {
    const cases: [
      what: string,
      path: string,
      body: unknown,
      headers: Record<string, string>,
      status: number,
      code: string,
      message: RegExp,
    ][] = [
      [
        'malformed JSON',
        '/v1/embed/embed',
        '{"texts": [a]}',
        {},
        400,
        'MESSAGE_INVALID',
        /line 1, column 12: expected a value/,
      ],
      ['a body that is no object', '/v1/embed/embed', '[]', {}, 400, 'MESSAGE_INVALID', /JSON object/],
      ['a pipeline body that is no object', '/v1/pipelines/route:run', '"x"', {}, 400, 'MESSAGE_INVALID', /"input"/],
      ['an unknown field', '/v1/embed/embed', { txts: ['a'] }, {}, 400, 'FIELD_UNKNOWN', /did you mean "texts"/],
      ['a wrong type', '/v1/embed/embed', { texts: [1] }, {}, 400, 'FIELD_INVALID', /^texts\[0\]: must be a string/],
      ['text that is not UTF-8', '/v1/embed/embed', new Uint8Array([0x7b, 0xff]), {}, 400, 'TEXT_NOT_UTF8', /UTF-8/],
      ['half a surrogate pair', '/v1/embed/embed', '{"texts": ["\\ud83d"]}', {}, 400, 'TEXT_NOT_UTF8', /^texts\[0\]/],
      [
        'a form',
        '/v1/embed/embed',
        'texts=a',
        { 'content-type': 'application/x-www-form-urlencoded' },
        415,
        'CONTENT_TYPE_UNSUPPORTED',
        /application\/json/,
      ],
      [
        'another charset',
        '/v1/embed/embed',
        '{}',
        { 'content-type': 'application/json; charset=utf-16' },
        415,
        'CONTENT_TYPE_UNSUPPORTED',
        /utf-16/,
      ],
      ['an unknown capability', '/v1/embd/embed', {}, {}, 404, 'METHOD_UNKNOWN', /did you mean "embed"/],
      ['an unknown method', '/v1/classify/zero-shoot', {}, {}, 404, 'METHOD_UNKNOWN', /did you mean "zero-shot"/],
      ['a stream of requests', '/v1/embed/embed-stream', {}, {}, 404, 'METHOD_UNKNOWN', /only gRPC/],
      [
        'an unknown pipeline',
        '/v1/pipelines/analyse:run',
        { input: { text: 'a' } },
        {},
        404,
        'PIPELINE_UNKNOWN',
        /did you mean "analyze"/,
      ],
      [
        'an unknown version',
        '/v1/pipelines/analyze@9:run',
        { input: { text: 'a' } },
        {},
        404,
        'PIPELINE_UNKNOWN',
        /it has 1/,
      ],
      ['an unknown verb', '/v1/pipelines/analyze:rum', {}, {}, 404, 'METHOD_UNKNOWN', /run, runStream, explain/],
      [
        'a missing input',
        '/v1/pipelines/analyze:run',
        { input: {} },
        {},
        400,
        'PIPELINE_INPUT_INVALID',
        /^input\.text/,
      ],
      [
        'an unknown input',
        '/v1/pipelines/analyze:run',
        { input: { text: 'a', sentence: 1 } },
        {},
        400,
        'PIPELINE_INPUT_INVALID',
        /did you mean "sentences"/,
      ],
      [
        'an input of another type',
        '/v1/pipelines/analyze:run',
        { input: { text: 7 } },
        {},
        400,
        'PIPELINE_INPUT_INVALID',
        /^input\.text: must be a string/,
      ],
      [
        'an input outside "input"',
        '/v1/pipelines/analyze:run',
        { text: 'a' },
        {},
        400,
        'FIELD_UNKNOWN',
        /it has pipeline, input/,
      ],
      [
        'a text of 10 MB in a pipeline',
        '/v1/pipelines/analyze:run',
        { input: { text: 'x'.repeat(10_000_000) } },
        {},
        400,
        'TEXT_TOO_LONG',
        /^input\.text: must be at most/,
      ],
      [
        '100,000 items in a pipeline',
        '/v1/pipelines/digest:run',
        { input: { documents: new Array(100_000).fill('x') } },
        {},
        400,
        'TOO_MANY_ITEMS',
        /^input\.documents: must have at most/,
      ],
      [
        'more documents than a step takes',
        '/v1/pipelines/digest:run',
        { input: { documents: new Array(200).fill('x') } },
        {},
        400,
        'TOO_MANY_ITEMS',
        /takes 100/,
      ],
      [
        'a body that is too large',
        '/v1/embed/embed',
        `{"texts": ["${'x'.repeat(13 * 2 ** 20)}"]}`,
        {},
        413,
        'MESSAGE_TOO_LARGE',
        /larger than 12582912 bytes/,
      ],
      [
        'a time that is none',
        '/v1/embed/embed',
        {},
        { 'x-timeout-ms': 'soon' },
        400,
        'FIELD_INVALID',
        /^x-timeout-ms: must be milliseconds/,
      ],
      [
        'a time that has passed',
        '/v1/embed/embed',
        { texts: ['a'] },
        { 'x-timeout-ms': '0' },
        504,
        'DEADLINE_EXCEEDED',
        /deadline/,
      ],
      [
        'what takes too long',
        '/v1/embed/similarity',
        { source: 'a', texts: ['b'] },
        { 'x-timeout-ms': '150' },
        504,
        'DEADLINE_EXCEEDED',
        /deadline/,
      ],
      ['a definition that is not given', '/v1/pipelines:validate', {}, {}, 400, 'FIELD_REQUIRED', /^yaml/],
    ];
    for (const [what, path, body, headers, status, code, message] of cases) {
      it(what, async () => {
        const response = await post(path, body, headers);
        const error = await failed(response);
        assert.deepEqual([response.status, error.status, error.code], [status, status, code], error.message);
        assert.match(error.message, message);
        assert.equal(error.request_id, response.headers.get('x-request-id'));
        assert.ok(!/[/\\](home|root|usr|tmp|node_modules)|\.[jt]s:|\bat \w+ \(/.test(error.message), error.message);
      });
    }

    it('what the service refuses, with the time to wait', async () => {
      const response = await post('/v1/classify/classify', { texts: ['a'] });
      assert.equal(response.status, 429);
      assert.equal(response.headers.get('retry-after'), '1', 'whole seconds, rounded up');
      const error = await failed(response);
      assert.deepEqual([error.code, error.retryable, error.retry_after_ms], ['QUEUE_FULL', true, 20]);
    });

    it('to show what broke inside', async () => {
      const response = await post('/v1/classify/classify-pairs', { pairs: [{ text: 'a', pair: 'b' }] });
      const text = await response.text();
      assert.equal(response.status, 500);
      assert.match(text, /reference [0-9a-f]+/);
      assert.ok(!text.includes('secret') && !text.includes('/home'));
    });

    it('the wrong HTTP method, and says the right one', async () => {
      for (const [path, allow] of [
        ['/v1/embed/embed', 'POST'],
        ['/v1/pipelines/x:run', 'GET'],
      ] as const) {
        const response = await fetch(`${mesh.url}${path}`, { method: path.includes('embed') ? 'GET' : 'DELETE' });
        assert.equal(response.status, 405);
        assert.match(response.headers.get('allow') ?? '', new RegExp(allow));
        assert.equal((await failed(response)).code, 'HTTP_METHOD_NOT_ALLOWED');
      }
    });

    it('routes that do not exist', async () => {
      for (const path of ['/nope', '/v1', '/v1/a/b/c', '/%ff']) {
        const response = await fetch(`${mesh.url}${path}`);
        assert.equal(response.status, 404, path);
        assert.equal((await failed(response)).code, 'METHOD_UNKNOWN');
      }
    });
  });

  it('says that it lives, that it is ready, and what it counts', async () => {
    await post('/v1/embed/embed', { texts: ['a'] });
    assert.deepEqual(await (await fetch(`${mesh.url}/healthz`)).json(), { status: 'alive' });
    const ready = (await (await fetch(`${mesh.url}/readyz`)).json()) as object;
    assert.deepEqual(ready, {
      ready: true,
      registry: true,
      capabilities: { tokenize: 1, embed: 1, classify: 1, summarize: 1, infer: 1 },
      missing: [],
      draining: false,
    });
    const metrics = await (await fetch(`${mesh.url}/metrics`)).text();
    assert.match(metrics, /plexus_calls_total\{service="plexus\.v1\.Embed",method="Embed",code="OK"\} [1-9]/);
    const { instances } = (await (await fetch(`${mesh.url}/v1/instances`)).json()) as {
      instances: { id: string; state: string }[];
    };
    assert.deepEqual(
      instances.map(({ id, state }) => [id, state]),
      [
        ['tokenize-1', 'serving'],
        ['embed-1', 'serving'],
        ['classify-1', 'serving'],
        ['summarize-1', 'serving'],
        ['infer-1', 'serving'],
      ],
    );
  });

  it('serves its document and its page', async () => {
    const document = (await (await fetch(`${mesh.url}/openapi.json`)).json()) as { openapi: string };
    assert.equal(document.openapi, '3.1.0');
    const page = await fetch(`${mesh.url}/`);
    assert.match(page.headers.get('content-type') ?? '', /text\/html/);
    assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'sha256-/);
    const html = await page.text();
    assert.match(html, /<title>Plexus<\/title>/);
    const script = /<script>([\s\S]*)<\/script>/.exec(html)?.[1] ?? '';
    assert.doesNotThrow(() => new Script(script), 'its script parses');
    assert.ok(!/https?:\/\/|@import|src=/.test(html), 'it loads nothing from elsewhere');
  });

  it('takes a request in pieces, and survives one that breaks off', async () => {
    const { port } = new URL(mesh.url);
    await new Promise<void>((resolve) => {
      const broken = httpRequest({
        port,
        method: 'POST',
        path: '/v1/embed/embed',
        headers: { 'content-type': 'application/json', 'content-length': 1_000 },
      });
      broken.on('error', () => resolve());
      broken.write('{"texts": [');
      setImmediate(() => broken.destroy());
    });
    assert.equal((await post('/v1/embed/embed', { texts: ['a'] })).status, 200);
  });

  it('serves the same over gRPC', async () => {
    const client = createClient(mesh.address);
    try {
      const { counts } = await client.tokenize.count({ texts: ['a b c'] });
      assert.deepEqual(counts, [3]);
      const { output } = await client.pipelines.run({
        pipeline: 'search-index',
        input: { fields: { text: { stringValue: 'One. Two' } } },
      });
      assert.equal(output?.fields.pieces?.listValue?.values.length, 2);
      const { status } = await client.health.check({ service: 'plexus.v1.Embed' });
      assert.equal(status, 'SERVING');
    } finally {
      client.close();
    }
  });
});
