import assert from 'node:assert/strict';
import { type Channel, createChannel } from '../../../chassis/channel.js';
import { MeshError } from '../../../chassis/errors.js';
import { implement } from '../../../chassis/implement.js';
import type { ModelsHandlers } from '../../../protos/gen/plexus/v1/Models.js';
import { definition } from '../../../protos/index.js';
import { startTestGateway, type TestGateway } from '../../kit/gateway.js';

describe('models through the gateway', () => {
  const methods = definition('plexus.v1.Models');
  let gateway: TestGateway;
  let channel: Channel;
  const loaded: string[] = [];
  const deadline = () => ({ deadlineMs: Date.now() + 5_000 });

  before(async () => {
    const service = (id: string, task: string, names: readonly string[]) =>
      implement<ModelsHandlers>('plexus.v1.Models', {
        List: () => ({
          models: names.map((name) => ({
            name,
            version: '1',
            task,
            state: 'MODEL_STATE_READY' as const,
            bytes: 5_000_000_000,
          })),
        }),
        Get({ model }) {
          if (!names.includes(model)) throw new MeshError('MODEL_UNKNOWN', `${model} is not known`);
          return { models: [{ name: model, version: '1', task }] };
        },
        Load({ model }) {
          if (model === 'broken@1' && id.endsWith('2')) throw new MeshError('MODEL_FAILED', 'its file is cut');
          loaded.push(`${id} ${model}`);
          return { models: [{ name: model, task }] };
        },
        Unload({ model }) {
          loaded.push(`${id} -${model}`);
          return { models: [] };
        },
        Stats: () => ({ stats: [{ name: names[0] ?? '', version: '1', requests: 3 }] }),
      });
    gateway = await startTestGateway(
      {
        'embed/embed-1': [service('embed-1', 'embed', ['minilm', 'spare'])],
        'embed/embed-2': [service('embed-2', 'embed', ['minilm'])],
        'classify/classify-1': [service('classify-1', 'classify', ['sentiment', 'both'])],
        'tokenize/tokenize-1': [service('tokenize-1', 'tokenize', ['words', 'both'])],
        'summarize/summarize-1': [service('summarize-1', 'summarize', [])],
      },
      {
        'embed/embed-1': { models: ['minilm@1'] },
        'embed/embed-2': { models: ['minilm@1'] },
        'classify/classify-1': { models: ['sentiment@1'] },
        'tokenize/tokenize-1': { models: ['words@1'] },
        'summarize/summarize-1': { models: [] },
      },
    );
    channel = createChannel(gateway.address);
  });
  after(async () => {
    channel.close();
    await gateway.stop();
  });
  beforeEach(() => loaded.splice(0));

  it('lists the models of every instance, each with whose it is', async () => {
    const { response } = await channel.unary(methods.List, {}, deadline());
    assert.deepEqual(response.models.map(({ name, instance }) => `${instance} ${name}`).sort(), [
      'classify/classify-1 both',
      'classify/classify-1 sentiment',
      'embed/embed-1 minilm',
      'embed/embed-1 spare',
      'embed/embed-2 minilm',
      'tokenize/tokenize-1 both',
      'tokenize/tokenize-1 words',
    ]);
    assert.equal(response.models[0]?.bytes, 5_000_000_000);
  });

  it('lists one capability, and names those there are for one it does not know', async () => {
    const { response } = await channel.unary(methods.List, { capability: 'embed' }, deadline());
    assert.ok(response.models.every(({ instance }) => instance.startsWith('embed/')));
    await assert.rejects(channel.unary(methods.List, { capability: 'translate' }, deadline()), {
      code: 'FIELD_INVALID',
      message: /tokenize, embed/,
    });
  });

  it('gets a model from those who know it', async () => {
    const { response } = await channel.unary(methods.Get, { model: 'minilm' }, deadline());
    assert.deepEqual(
      response.models.map(({ instance }) => instance),
      ['embed/embed-1', 'embed/embed-2'],
    );
    await assert.rejects(channel.unary(methods.Get, { model: 'nothing' }, deadline()), { code: 'MODEL_UNKNOWN' });
  });

  it('loads on every instance of the capability, which the name tells or a list of all', async () => {
    await channel.unary(methods.Load, { model: 'minilm@2' }, deadline());
    assert.deepEqual(loaded.splice(0).sort(), ['embed-1 minilm@2', 'embed-2 minilm@2']);
    await channel.unary(methods.Load, { model: 'spare@1' }, deadline());
    assert.deepEqual(loaded.splice(0).sort(), ['embed-1 spare@1', 'embed-2 spare@1']);
    await channel.unary(methods.Unload, { model: 'anything@1', capability: 'classify' }, deadline());
    assert.deepEqual(loaded, ['classify-1 -anything@1']);
  });

  it('asks for the capability where the name does not tell, and for the model', async () => {
    for (const model of ['both@1', 'nobody@1']) {
      await assert.rejects(
        channel.unary(methods.Load, { model }, deadline()),
        (error) =>
          error instanceof MeshError && error.code === 'FIELD_REQUIRED' && error.violations[0]?.field === 'capability',
      );
    }
    await assert.rejects(
      channel.unary(methods.Load, {}, deadline()),
      (error) => error instanceof MeshError && error.violations[0]?.field === 'model',
    );
    assert.deepEqual(loaded, []);
  });

  it('fails where one instance cannot load it, and says which', async () => {
    await assert.rejects(channel.unary(methods.Load, { model: 'broken@1', capability: 'embed' }, deadline()), {
      code: 'MODEL_FAILED',
      message: /^embed\/embed-2: its file is cut/,
    });
  });

  it('adds the numbers of every instance', async () => {
    const { response } = await channel.unary(methods.Stats, { capability: 'embed' }, deadline());
    assert.deepEqual(
      response.stats.map(({ instance, requests }) => [instance, requests]),
      [
        ['embed/embed-1', 3],
        ['embed/embed-2', 3],
      ],
    );
  });
});
