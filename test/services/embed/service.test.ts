/** plexus.v1.Embed on a real server with a real model. */
import assert from 'node:assert/strict';
import { createChannel } from '../../../chassis/channel.js';
import { MeshError } from '../../../chassis/errors.js';
import { Registry } from '../../../chassis/metrics.js';
import type { Hub, Running } from '../../../inference/index.js';
import type { EmbedRequest } from '../../../protos/gen/plexus/v1/EmbedRequest.js';
import type { EmbedStreamRequest } from '../../../protos/gen/plexus/v1/EmbedStreamRequest.js';
import { definition } from '../../../protos/index.js';
import * as embed from '../../../services/embed/index.js';
import type { EmbedModel } from '../../../services/embed/model.js';
import { registerModelMetrics } from '../../../services/model-metrics.js';
import { type ServedCapability, serveCapability } from '../../kit/capability.js';
import { refuses } from '../../kit/refused.js';

const TEXTS = ['A man is playing a guitar.', 'A man plays the guitar.', 'The stock market fell sharply on Monday.', ''];

describe('the embed service', () => {
  let served: ServedCapability<EmbedModel>;
  before(async function () {
    served = await serveCapability(this, embed, ['tiny-static-embed']);
  });
  after(() => served?.close());

  const call = (request: EmbedRequest) => served.client.embed.embed(request);
  const vectors = async (request: EmbedRequest) => (await call(request)).embeddings.map(({ values }) => values);

  it('gives a vector of length 1 for each text, in order, the empty one included', async () => {
    const { embeddings, dimensions, usage } = await call({ texts: TEXTS });
    assert.equal(dimensions, 128);
    assert.deepEqual(
      embeddings.map(({ values }) => values.length),
      [128, 128, 128, 128],
    );
    assert.deepEqual(
      embeddings.map(({ tokens, truncated }) => [tokens, truncated]),
      [
        [9, false],
        [8, false],
        [10, false],
        [2, false],
      ],
    );
    assert.deepEqual(usage, { texts: 4, inputTokens: 29, outputTokens: 0 });
    // [CLS] and [SEP] have zero vectors in this model, so the empty text is all zeros and stays so.
    assert.deepEqual(
      embeddings.map(({ values }) => Math.round(Math.hypot(...values) * 1e5) / 1e5),
      [1, 1, 1, 0],
    );
    const alone = await vectors({ texts: [TEXTS[1] as string] });
    const apart = (alone[0] as number[]).map((value, at) => Math.abs(value - (embeddings[1]?.values[at] as number)));
    assert.ok(Math.max(...apart) < 1e-5);
  });

  it('says who answered and where the time went, in the message and in the trailers', async () => {
    const { response, trailers } = await served.channel.unary(
      definition('plexus.v1.Embed').Embed,
      { texts: TEXTS, model: 'tiny-static-embed@1' },
      { deadlineMs: Date.now() + 10_000 },
    );
    assert.equal(response.model?.name, 'tiny-static-embed');
    assert.equal(response.model?.version, '1');
    assert.match(response.model?.digest ?? '', /^sha256:[0-9a-f]{64}$/);
    assert.equal(response.model?.instance, 'embed-1');
    const timings = response.timings;
    assert.ok(timings && timings.totalMs >= timings.computeMs && timings.computeMs > 0);
    assert.ok(timings.batchSize >= 1 && timings.batchSize <= 4);
    assert.equal(trailers['x-plexus-model'], 'tiny-static-embed@1');
    assert.ok(Number(trailers['x-plexus-compute-ms']) > 0);
    assert.ok(Number(trailers['x-plexus-queue-ms']) >= 0);
  });

  it('keeps the first dimensions, scaled to length 1 afterwards', async () => {
    const [whole] = await vectors({ texts: ['a guitar'], normalize: false });
    const [cut] = await vectors({ texts: ['a guitar'], dimensions: 16 });
    const length = Math.hypot(...(whole as number[]).slice(0, 16));
    const apart = (cut as number[]).map((value, at) => Math.abs(value - ((whole as number[])[at] as number) / length));
    assert.equal(cut?.length, 16);
    assert.ok(Math.max(...apart) < 1e-5);
  });

  it('pools as it is told', async () => {
    const pooled = await Promise.all(
      (['POOLING_MEAN', 'POOLING_CLS', 'POOLING_LAST', 'POOLING_MAX'] as const).map((pooling) =>
        vectors({ texts: ['a guitar and a drum'], pooling, normalize: false }),
      ),
    );
    const [mean, cls, last, max] = pooled.map(([vector]) => vector as number[]);
    assert.ok(mean?.some((value) => value !== 0));
    assert.ok(
      cls?.every((value) => value === 0) && last?.every((value) => value === 0),
      '[CLS] and [SEP] are zeros here',
    );
    assert.ok(max?.every((value, at) => value >= (mean?.[at] as number)));
  });

  it('writes the same vector in every format', async () => {
    const texts = [TEXTS[0] as string];
    const [floats] = await vectors({ texts });
    const one = async (format: EmbedRequest['format']) =>
      (await call({ texts, format: format as never })).embeddings[0];
    const base64 = await one('VECTOR_FORMAT_BASE64');
    const bytes = Buffer.from(base64?.base64 ?? '', 'base64');
    assert.deepEqual(
      floats?.map((_, at) => bytes.readFloatLE(at * 4)),
      floats,
    );
    const int8 = await one('VECTOR_FORMAT_INT8');
    const scale = int8?.scale as number;
    for (const [at, value] of (floats ?? []).entries()) {
      assert.ok(Math.abs((int8?.int8.readInt8(at) as number) * scale - value) <= scale / 2 + 1e-7);
    }
    const binary = (await one('VECTOR_FORMAT_BINARY'))?.binary as Buffer;
    assert.equal(binary.length, 16);
    assert.deepEqual(
      floats?.map((_, at) => ((binary[at >> 3] as number) >> (7 - (at & 7))) & 1),
      floats?.map((value) => (value > 0 ? 1 : 0)),
    );
  });

  it('cuts a text that is too long on the side it is told to, and says so', async () => {
    const long = `first ${'word '.repeat(600)}last`;
    const cut = async (truncate: EmbedRequest['truncate'] & string) =>
      (await call({ texts: [long], truncate })).embeddings[0];
    const [right, left] = [await cut('TRUNCATE_RIGHT'), await cut('TRUNCATE_LEFT')];
    for (const each of [right, left]) assert.deepEqual([each?.tokens, each?.truncated], [512, true]);
    assert.notDeepEqual(right?.values, left?.values);
    assert.deepEqual((await cut('TRUNCATE_UNSPECIFIED'))?.values, right?.values);
  });

  it('compares texts with a source', async () => {
    const ask = (metric: 'METRIC_COSINE' | 'METRIC_DOT' | 'METRIC_EUCLIDEAN') =>
      served.client.embed.similarity({ source: TEXTS[0] as string, texts: TEXTS, metric });
    const { scores, usage } = await ask('METRIC_COSINE');
    assert.ok(Math.abs((scores[0] as number) - 1) < 1e-5);
    assert.ok((scores[1] as number) > (scores[2] as number) + 0.3, `${scores}`);
    assert.equal(scores[3], 0);
    assert.equal(usage?.texts, 5);
    const [distance] = (await ask('METRIC_EUCLIDEAN')).scores;
    assert.ok((distance as number) <= 0 && (distance as number) > -1e-3);
    assert.ok(Math.abs(((await ask('METRIC_DOT')).scores[1] as number) - (scores[1] as number)) < 1e-5, 'unit vectors');
  });

  describe('on a stream', () => {
    async function* from(requests: readonly EmbedStreamRequest[]): AsyncGenerator<EmbedStreamRequest> {
      yield* requests;
    }

    it('answers every batch, matched by id, and goes on after a bad one', async () => {
      const requests: EmbedStreamRequest[] = Array.from({ length: 40 }, (_, index) => ({
        id: String(index),
        request: index % 10 === 3 ? { texts: [] } : { texts: [`text number ${index}`, 'another'] },
      }));
      requests.push({ id: 'none' }, { id: 'model', request: { texts: ['x'], model: 'nope' } });
      const answers = new Map<string, string>();
      for await (const { id, response, problem } of served.client.embed.embedStream(from(requests))) {
        assert.notEqual(response === undefined, problem === undefined, 'one of the two');
        answers.set(id, response ? `${response.embeddings.length}` : `${problem?.code} ${problem?.field}`);
      }
      assert.equal(answers.size, 42);
      assert.equal(answers.get('3'), 'FIELD_REQUIRED texts');
      assert.equal(answers.get('none'), 'FIELD_REQUIRED texts');
      assert.equal(answers.get('model'), 'MODEL_UNKNOWN model');
      assert.equal(answers.get('39'), '2');
    });

    it('reads no faster than it answers', async () => {
      let sent = 0;
      let answered = 0;
      let most = 0;
      async function* endless(): AsyncGenerator<EmbedStreamRequest> {
        for (; sent < 2_000; sent++) yield { id: String(sent), request: { texts: ['x'.repeat(5_000)] } };
      }
      for await (const { id } of served.client.embed.embedStream(endless())) {
        assert.ok(id !== '');
        answered++;
        most = Math.max(most, sent - answered);
        if (answered === 100) break;
      }
      // What is under way, and what the buffers of the connection hold; not the 2,000 that could be sent.
      assert.ok(most < 500, `${most} were sent ahead`);
    });

    it('ends when the caller leaves', async () => {
      const controller = new AbortController();
      async function* waiting(): AsyncGenerator<EmbedStreamRequest> {
        yield { id: '1', request: { texts: ['x'] } };
        await new Promise((resolve) => controller.signal.addEventListener('abort', resolve, { once: true }));
      }
      const read = async (): Promise<void> => {
        for await (const { id } of served.client.embed.embedStream(waiting(), { signal: controller.signal })) {
          assert.equal(id, '1');
          controller.abort(new MeshError('CANCELLED', 'enough'));
        }
      };
      await assert.rejects(read(), { code: 'CANCELLED' });
    });
  });

  refuses(() => [
    { what: 'no texts', call: () => call({}), code: 'FIELD_REQUIRED', field: 'texts', says: /1 to 1024/ },
    {
      what: '100,000 items',
      call: () => call({ texts: new Array(100_000).fill('') }),
      code: 'TOO_MANY_ITEMS',
      field: 'texts',
    },
    {
      what: 'a text of 10 MB',
      call: () => call({ texts: ['a', 'x'.repeat(10_000_000)] }),
      code: 'TEXT_TOO_LONG',
      field: 'texts[1]',
    },
    {
      what: 'a text that must not be cut',
      call: () => call({ texts: ['a', 'word '.repeat(600)], truncate: 'TRUNCATE_REFUSE' }),
      code: 'TEXT_TOO_LONG',
      field: 'texts[1]',
      says: /602 tokens.*takes 512/,
    },
    {
      what: 'an unknown model',
      call: () => call({ texts: ['a'], model: 'nope' }),
      code: 'MODEL_UNKNOWN',
      field: 'model',
      says: /tiny-static-embed/,
    },
    {
      what: 'an unknown version',
      call: () => call({ texts: ['a'], model: 'tiny-static-embed@9' }),
      code: 'VERSION_UNKNOWN',
      field: 'model',
      says: /it has 1/,
    },
    {
      what: 'an unknown alias',
      call: () => call({ texts: ['a'], model: 'tiny-static-embed:canary' }),
      code: 'ALIAS_UNKNOWN',
      field: 'model',
    },
    {
      what: 'a reference that is none',
      call: () => call({ texts: ['a'], model: '../../etc/passwd' }),
      code: 'MODEL_REFERENCE_INVALID',
      field: 'model',
    },
    {
      what: 'a model for another task',
      call: () => call({ texts: ['a'], model: 'tiny-bert-sst2' }),
      code: 'MODEL_WRONG_TASK',
      field: 'model',
    },
    {
      what: 'a pooling the proto does not know',
      call: () => call({ texts: ['a'], pooling: 42 as never }),
      code: 'FIELD_INVALID',
      field: 'pooling',
      says: /POOLING_MEAN/,
    },
    {
      what: 'a format the proto does not know',
      call: () => call({ texts: ['a'], format: 42 as never }),
      code: 'FIELD_INVALID',
      field: 'format',
    },
    {
      what: 'a prompt the model does not have',
      call: () => call({ texts: ['a'], promptName: 'query' }),
      code: 'OPTION_UNSUPPORTED',
      field: 'prompt_name',
      says: /has none/,
    },
    {
      what: 'more dimensions than there are',
      call: () => call({ texts: ['a'], dimensions: 129 }),
      code: 'FIELD_INVALID',
      field: 'dimensions',
      says: /1 to 128/,
    },
    {
      what: 'a metric the proto does not know',
      call: () => served.client.embed.similarity({ source: 'a', texts: ['b'], metric: 9 as never }),
      code: 'FIELD_INVALID',
      field: 'metric',
    },
    {
      what: 'a source that must not be cut',
      call: () =>
        served.client.embed.similarity({ source: 'word '.repeat(600), texts: ['b'], truncate: 'TRUNCATE_REFUSE' }),
      code: 'TEXT_TOO_LONG',
      field: 'source',
    },
    {
      what: 'a deadline that has passed',
      call: () => served.client.embed.embed({ texts: ['a'] }, { timeoutMs: 0 }),
      code: 'DEADLINE_EXCEEDED',
    },
  ]);

  it('refuses text that is not UTF-8, naming the field', async () => {
    const same = (bytes: Buffer): Buffer => bytes;
    const { path } = definition('plexus.v1.Embed').Embed;
    const method = { path, requestSerialize: same, responseDeserialize: same };
    // texts: "a", then one byte that is no UTF-8.
    const request = Buffer.from([0x12, 1, 0x61, 0x12, 1, 0xff]);
    await assert.rejects(
      served.channel.unary(method, request, { deadlineMs: Date.now() + 10_000 }),
      (error: MeshError) => {
        assert.equal(error.code, 'TEXT_NOT_UTF8');
        assert.equal(error.violations[0]?.field, 'texts[1]');
        return true;
      },
    );
  });

  it('counts calls by the tenant and the criticality their metadata say, and tells it by RPC and to Prometheus', async () => {
    const metadata = { 'x-plexus-tenant': 'search', 'x-plexus-criticality': 'sheddable' };
    await served.client.embed.embed({ texts: ['one', 'two'] }, { metadata });
    const {
      stats: [stats],
    } = await served.client.models.stats({ model: 'tiny-static-embed' });
    const tenant = stats?.tenants.find(({ name }) => name === 'search');
    assert.deepEqual([tenant?.requests, tenant?.texts, tenant?.tokens, tenant?.shed], [1, 2, 6, 0]);
    assert.equal(stats?.criticalities.find(({ name }) => name === 'sheddable')?.requests, 1);
    const size = stats?.batchSizes.find(({ rowsMax }) => rowsMax === 2);
    assert.ok(size && size.batches > 0 && size.computeNs > 0 && size.batchNs > 0 && size.queueNs > 0);

    const registry = new Registry();
    registerModelMetrics(registry, served.hub as unknown as Hub<Running>);
    const text = await registry.metrics();
    assert.match(text, /^plexus_model_tenant_tokens_total\{model="tiny-static-embed@1",tenant="search"\} 6$/m);
    assert.match(text, /^plexus_model_shed_total\{model="tiny-static-embed@1",criticality="critical"\} 0$/m);
    assert.match(text, /^plexus_model_batches_total\{model="tiny-static-embed@1",rows="2"\} [1-9]/m);
    assert.equal(text, await registry.metrics(), 'a second look counted twice');
  });

  it('stops working for a caller who left', async () => {
    const before = (await served.hub.list()).find(({ stats }) => stats)?.stats?.texts as number;
    const controller = new AbortController();
    const texts = new Array(1_000).fill('a text of some length '.repeat(60));
    const answered = served.client.embed.embed({ texts }, { signal: controller.signal });
    setTimeout(() => controller.abort(new MeshError('CANCELLED', 'enough')), 30);
    await assert.rejects(answered, { code: 'CANCELLED' });
    await call({ texts: ['still there'] });
    const {
      texts: after,
      queueLength,
      dropped,
    } = (await served.hub.list()).find(({ stats }) => stats)?.stats ?? { texts: 0, queueLength: 0, dropped: 0 };
    assert.equal(queueLength, 0);
    assert.ok(after - before === 1 || dropped > 0, 'it was still being tokenized, or its texts left the queue');
  });

  it('lets calls end before a model is unloaded, then says that it is gone', async function () {
    const other = await serveCapability<EmbedModel>(this, embed, ['tiny-static-embed']);
    const channel = createChannel(other.channel.address);
    try {
      const answered = other.client.embed.embed({ texts: new Array(300).fill('a few words') });
      const first = await Promise.race([
        answered.then(() => 'answered'),
        new Promise((resolve) => setTimeout(resolve, 20)),
      ]);
      await other.hub.unload('tiny-static-embed');
      assert.equal((await answered).embeddings.length, 300);
      assert.ok(first === 'answered' || first === undefined);
      await assert.rejects(other.client.embed.embed({ texts: ['a'] }), {
        code: 'MODEL_NOT_READY',
        message: /Models.Load/,
      });
    } finally {
      channel.close();
      await other.close();
    }
  });
});
