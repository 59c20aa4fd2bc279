import assert from 'node:assert/strict';
import type { CallContext } from '../../../chassis/call.js';
import { type Channel, createChannel } from '../../../chassis/channel.js';
import { fieldError, MeshError } from '../../../chassis/errors.js';
import { implement } from '../../../chassis/implement.js';
import type { ClassifyHandlers } from '../../../protos/gen/plexus/v1/Classify.js';
import type { EmbedHandlers } from '../../../protos/gen/plexus/v1/Embed.js';
import type { SummarizeHandlers } from '../../../protos/gen/plexus/v1/Summarize.js';
import { definition } from '../../../protos/index.js';
import { startTestGateway, type TestGateway } from '../../kit/gateway.js';
import { until } from '../../kit/until.js';

describe('the capabilities through the gateway', () => {
  let gateway: TestGateway;
  let channel: Channel;
  const seen: CallContext[] = [];
  let summarizeStopped = false;
  const deadline = (ms = 5_000) => ({ deadlineMs: Date.now() + ms });

  before(async () => {
    const embed = (id: string) =>
      implement<EmbedHandlers>('plexus.v1.Embed', {
        async Embed({ model, texts }, context) {
          seen.push(context);
          if (texts[0] === 'together')
            await until(
              'two calls wait for the same answer',
              () => gateway.upstream.counters().embed?.cacheJoined === 2,
            );
          context.setTrailer('x-plexus-model', `${model}@1`);
          return {
            model: { name: model, version: '1', instance: id },
            embeddings: texts.map((text) => ({ values: [text.length, 0.5] })),
          };
        },
        async *EmbedStream(requests) {
          for await (const { id: name } of requests) yield { id: name, response: {} };
        },
        EmbedTokens: () => ({}),
        EmbedSparse: () => ({}),
        Similarity() {
          throw fieldError('FIELD_REQUIRED', 'source', 'must be given');
        },
      });
    const summarize = implement<SummarizeHandlers>('plexus.v1.Summarize', {
      Summarize: () => ({ summaries: [{ text: 'short' }] }),
      async *SummarizeStream({ text }, { signal, setTrailer }) {
        setTrailer('x-plexus-model', 'summarizer@1');
        try {
          for (const word of text.split(' ')) yield { delta: `${word} ` };
          if (text.endsWith('for ever'))
            await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
          yield { done: { summaries: [{ text }] } };
        } finally {
          summarizeStopped = signal.aborted;
        }
      },
    });
    const classify = implement<ClassifyHandlers>('plexus.v1.Classify', {
      Classify: () => ({ classifications: [{ labels: [{ label: 'good', score: 1 }] }] }),
      ClassifyPairs: () => ({}),
      Rerank: () => ({}),
      ClassifyTokens: () => ({}),
      ZeroShot: () => ({}),
    });
    gateway = await startTestGateway(
      {
        'embed/embed-1': [embed('embed-1')],
        'embed/embed-2': [embed('embed-2')],
        'summarize/summarize-1': [summarize],
        'classify/classify-1': [classify],
      },
      { 'embed/embed-1': { models: ['minilm@1'] }, 'embed/embed-2': { models: ['minilm@1', 'minilm@2'] } },
    );
    channel = createChannel(gateway.address);
  });
  after(async () => {
    channel.close();
    await gateway.stop();
  });

  it('returns the answer of the service, who gave it and in how many attempts', async () => {
    const { response, trailers } = await channel.unary(
      definition('plexus.v1.Embed').Embed,
      { model: 'minilm', texts: ['abc', 'é'] },
      deadline(),
    );
    assert.deepEqual(
      response.embeddings.map(({ values }) => values),
      [
        [3, 0.5],
        [1, 0.5],
      ],
    );
    assert.match(trailers['x-plexus-instance'] ?? '', /^embed-[12]$/);
    assert.equal(trailers['x-plexus-attempts'], '1');
    assert.equal(trailers['x-plexus-model'], 'minilm@1');
    assert.equal(response.model?.instance, trailers['x-plexus-instance']);
  });

  it('sends a request for a version to an instance that has it', async () => {
    for (let call = 0; call < 10; call++) {
      const { trailers } = await channel.unary(
        definition('plexus.v1.Embed').Embed,
        { model: 'minilm@2', texts: ['a'] },
        deadline(),
      );
      assert.equal(trailers['x-plexus-instance'], 'embed-2');
    }
  });

  it('passes on request id, trace, criticality and tenant, nothing else, and a deadline with a reserve', async () => {
    const settings = deadline(4_000);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { trailers } = await channel.unary(
      definition('plexus.v1.Embed').Embed,
      { texts: ['a'] },
      {
        ...settings,
        metadata: {
          'x-request-id': 'r-1',
          traceparent,
          'x-plexus-criticality': 'critical',
          'x-plexus-tenant': 'search',
          authorization: 'Bearer secret',
        },
      },
    );
    const context = seen.at(-1) as CallContext;
    assert.deepEqual(
      [
        context.requestId,
        context.traceparent,
        context.criticality,
        context.tenant,
        context.metadata.get('authorization'),
      ],
      ['r-1', traceparent, 'critical', 'search', undefined],
    );
    assert.ok(context.deadlineMs < settings.deadlineMs - 20, 'a reserve is kept');
    assert.equal(trailers['x-request-id'], 'r-1');
  });

  it('sends equal calls in flight once, and says so', async () => {
    const before = seen.length;
    const call = () =>
      channel.unary(definition('plexus.v1.Embed').Embed, { model: 'minilm', texts: ['together'] }, deadline());
    const answers = await Promise.all([call(), call(), call()]);
    assert.equal(seen.length - before, 1);
    assert.deepEqual(answers.map(({ trailers }) => trailers['x-plexus-cached']).sort(), ['true', 'true', undefined]);
    for (const { response } of answers) assert.deepEqual(response.embeddings[0]?.values, [8, 0.5]);
  });

  it('passes an error of the service on with its code and field', async () => {
    await assert.rejects(channel.unary(definition('plexus.v1.Embed').Similarity, {}, deadline()), (error) => {
      assert.ok(error instanceof MeshError);
      assert.equal(error.code, 'FIELD_REQUIRED');
      assert.equal(error.violations[0]?.field, 'source');
      return true;
    });
  });

  it('relays a server stream with its trailers', async () => {
    let trailers: Readonly<Record<string, string>> = {};
    const events = channel.serverStream(
      definition('plexus.v1.Summarize').SummarizeStream,
      { text: 'one two three' },
      {
        ...deadline(),
        onTrailers: (given) => {
          trailers = given;
        },
      },
    );
    let text = '';
    let done = false;
    for await (const event of events) {
      text += event.delta ?? '';
      done ||= event.event === 'done';
    }
    assert.equal(text, 'one two three ');
    assert.equal(done, true);
    assert.equal(trailers['x-plexus-instance'], 'summarize-1');
    assert.equal(trailers['x-plexus-model'], 'summarizer@1');
  });

  it('stops the service when the reader of a stream leaves', async () => {
    summarizeStopped = false;
    for await (const _ of channel.serverStream(
      definition('plexus.v1.Summarize').SummarizeStream,
      { text: 'on for ever' },
      deadline(),
    ))
      break;
    while (!summarizeStopped) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('relays a bidirectional stream', async () => {
    async function* requests() {
      for (const id of ['a', 'b', 'c']) yield { id, request: { texts: ['x'] } };
    }
    const ids: string[] = [];
    for await (const { id } of channel.bidi(definition('plexus.v1.Embed').EmbedStream, requests(), deadline()))
      ids.push(id);
    assert.deepEqual(ids, ['a', 'b', 'c']);
  });

  it('says NO_INSTANCE for a capability that nobody serves', async () => {
    await assert.rejects(channel.unary(definition('plexus.v1.Tokenize').Count, { texts: ['a'] }, deadline()), {
      code: 'NO_INSTANCE',
    });
  });
});
