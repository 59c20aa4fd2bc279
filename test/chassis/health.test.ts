/** Health and reflection as clients of other makes use them. */
import assert from 'node:assert/strict';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { type Channel, createChannel, type Method } from '../../chassis/channel.js';
import { createServer, type MeshServer } from '../../chassis/server.js';
import { definition } from '../../protos/index.js';
import { testServerSettings } from '../kit/settings.js';

describe('health and reflection', () => {
  const health = definition('grpc.health.v1.Health');
  let server: MeshServer;
  let channel: Channel;
  const settings = { deadlineMs: Number.POSITIVE_INFINITY };

  beforeEach(async () => {
    server = createServer({
      services: [],
      address: '127.0.0.1:0',
      settings: testServerSettings({ defaultDeadlineMs: 100 }),
    });
    channel = createChannel(`127.0.0.1:${await server.start()}`);
  });

  afterEach(async () => {
    channel.close();
    await server.drain(0);
  });

  it('is NOT_SERVING as a whole until every service serves', async () => {
    const overall = async (): Promise<string> =>
      (await channel.unary(health.Check, { service: '' }, settings)).response.status;
    assert.equal(await overall(), 'NOT_SERVING');
    server.health.set('a', 'SERVING');
    server.health.set('b', 'NOT_SERVING');
    assert.equal(await overall(), 'NOT_SERVING');
    server.health.set('b', 'SERVING');
    assert.equal(await overall(), 'SERVING');
    server.health.set('c', 'NOT_SERVING', { optional: true });
    assert.equal(await overall(), 'SERVING', 'what it can do without does not count');
  });

  it('lists every name with its status', async () => {
    server.health.set('plexus.v1.Embed', 'SERVING');
    server.health.set('model/x@1', 'NOT_SERVING');
    const { response } = await channel.unary(health.List, {}, settings);
    const plain = Object.fromEntries(Object.entries(response.statuses).map(([name, { status }]) => [name, status]));
    assert.deepEqual(plain, { '': 'SERVING', 'plexus.v1.Embed': 'SERVING', 'model/x@1': 'NOT_SERVING' });
  });

  it('tells a watcher every change, beginning with an unknown name', async () => {
    const seen: string[] = [];
    for await (const { status } of channel.serverStream(health.Watch, { service: 'late' }, settings)) {
      seen.push(status);
      if (seen.length === 1) server.health.set('late', 'SERVING');
      else if (seen.length === 2) server.health.shutDown();
      else break;
    }
    assert.deepEqual(seen, ['SERVICE_UNKNOWN', 'SERVING', 'NOT_SERVING']);
  });

  it('keeps a watch without a deadline open beyond the default deadline of calls', async () => {
    const seen: string[] = [];
    for await (const { status } of channel.serverStream(health.Watch, { service: '' }, settings)) {
      seen.push(status);
      if (seen.length === 2) break;
      setTimeout(() => server.health.set('a', 'SERVING'), 250);
    }
    assert.deepEqual(seen, ['NOT_SERVING', 'SERVING']);
  });

  for (const version of ['v1', 'v1alpha'] as const) {
    it(`serves descriptors over reflection ${version} that a strict client can link, maps and well-known types included`, async () => {
      const reflection = definition(`grpc.reflection.${version}.ServerReflection`) as ServiceDefinition;
      const ask = async (request: object): Promise<Record<string, never>> => {
        const requests = (async function* () {
          yield request;
        })();
        for await (const answer of channel.bidi(
          reflection.ServerReflectionInfo as Method<object, Record<string, never>>,
          requests,
          settings,
        ))
          return answer;
        throw new Error('no answer');
      };
      const listed = (await ask({ listServices: '' })).listServicesResponse as unknown as {
        service: { name: string }[];
      };
      assert(listed.service.some(({ name }) => name === 'grpc.health.v1.Health'));
      for (const symbol of [
        'plexus.v1.Pipelines',
        'plexus.v1.Pipelines.Run',
        'grpc.health.v1.HealthListResponse',
        'plexus.v1.Model',
      ]) {
        const found = (await ask({ fileContainingSymbol: symbol })).fileDescriptorResponse as unknown as {
          fileDescriptorProto: Buffer[];
        };
        const file = found.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
        // Linking throws on a missing import or a map entry of the wrong name. Dependencies come after: reverse.
        const registry = createFileRegistry({ $typeName: FileDescriptorSetSchema.typeName, file: sorted(file) });
        assert(registry.get(symbol) ?? registry.get(symbol.slice(0, symbol.lastIndexOf('.'))), symbol);
      }
      const missing = (await ask({ fileContainingSymbol: 'plexus.v1.Nope' })).errorResponse as unknown as {
        errorCode: number;
      };
      assert.equal(missing.errorCode, 5);
    });
  }
});

/** Dependencies first, as a descriptor set has them. */
function sorted<File extends { name: string; dependency: string[] }>(files: File[]): File[] {
  const done: File[] = [];
  const visit = (file: File): void => {
    if (done.includes(file)) return;
    for (const name of file.dependency) {
      const dependency = files.find((each) => each.name === name);
      assert(dependency, `${name} was not sent along`);
      visit(dependency);
    }
    done.push(file);
  };
  files.forEach(visit);
  return done;
}
