/** The chassis over a real server and a real channel: errors with details, deadlines, cancellation, limits, drain. */
import assert from 'node:assert/strict';
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { CallContext } from '../../chassis/call.js';
import { type Channel, createChannel, type Method } from '../../chassis/channel.js';
import { asBytes } from '../../chassis/codec.js';
import { fieldError, MeshError } from '../../chassis/errors.js';
import { type Handlers, implement } from '../../chassis/implement.js';
import { createServer, type MeshServer } from '../../chassis/server.js';
import type { EmbedHandlers } from '../../protos/gen/plexus/v1/Embed.js';
import { definition } from '../../protos/index.js';
import { defer } from '../kit/defer.js';
import { testServerSettings } from '../kit/settings.js';

const embed = definition('plexus.v1.Embed');

type EmbedPlain = Handlers<EmbedHandlers>;

const quiet: EmbedPlain = {
  Embed: () => ({}),
  async *EmbedStream(requests) {
    for await (const { id } of requests) yield { id, response: {} };
  },
  EmbedTokens: () => ({}),
  EmbedSparse: () => ({}),
  Similarity: () => ({ scores: [1] }),
};

describe('server', () => {
  const open: { server: MeshServer; channel: Channel }[] = [];

  async function serve(
    handlers: Partial<EmbedPlain>,
    settings = testServerSettings(),
  ): Promise<{ server: MeshServer; channel: Channel }> {
    const server = createServer({
      services: [implement<EmbedHandlers>('plexus.v1.Embed', { ...quiet, ...handlers })],
      address: '127.0.0.1:0',
      settings,
    });
    const channel = createChannel(`127.0.0.1:${await server.start()}`);
    open.push({ server, channel });
    return { server, channel };
  }

  afterEach(async () => {
    for (const { server, channel } of open.splice(0)) {
      channel.close();
      await server.drain(0);
    }
  });

  const inOneMinute = (): number => Date.now() + 60_000;

  it('answers, and returns the request id in the trailers', async () => {
    const { channel } = await serve({});
    const { response, trailers } = await channel.unary(
      embed.Similarity,
      { source: 'a', texts: ['b'] },
      { deadlineMs: inOneMinute(), metadata: { 'x-request-id': 'r-1' } },
    );
    assert.deepEqual(response.scores, [1]);
    assert.equal(trailers['x-request-id'], 'r-1');
  });

  it('carries code, violations, facts and retry delay of an error to the client', async () => {
    const { channel } = await serve({
      Embed() {
        throw new MeshError('QUEUE_FULL', 'the queue is full', {
          retryAfterMs: 1_250,
          facts: { limit: '7' },
          violations: [{ field: 'texts', description: 'too many' }],
        });
      },
    });
    await assert.rejects(channel.unary(embed.Embed, {}, { deadlineMs: inOneMinute() }), (error) => {
      assert(error instanceof MeshError);
      assert.equal(error.code, 'QUEUE_FULL');
      assert.equal(error.message, 'the queue is full');
      assert.equal(error.retryAfterMs, 1_250);
      assert.deepEqual(error.facts, { limit: '7' });
      assert.deepEqual(error.violations, [{ field: 'texts', description: 'too many' }]);
      return true;
    });
  });

  it('never tells the caller what was unforeseen: a reference instead of message, path and stack', async () => {
    const { channel } = await serve({
      Embed() {
        throw new Error('secret at /home/someone/file.ts:12');
      },
    });
    await assert.rejects(channel.unary(embed.Embed, {}, { deadlineMs: inOneMinute() }), (error) => {
      assert(error instanceof MeshError);
      assert.equal(error.code, 'INTERNAL');
      assert.match(error.message, /^internal error, reference [0-9a-f]{12}$/);
      return true;
    });
  });

  it('refuses bytes that are no message, naming nothing of the inside', async () => {
    const { channel } = await serve({});
    await rejectsWith(
      channel.unary(bytes('Embed'), Buffer.from([0x0a, 0x50, 1]), { deadlineMs: inOneMinute() }),
      'MESSAGE_INVALID',
    );
  });

  it('refuses a string that is not UTF-8, naming the field', async () => {
    const { channel } = await serve({});
    const request = Buffer.concat([Buffer.from([0x12, 1]), Buffer.from('a'), Buffer.from([0x12, 3, 0x61, 0xc3, 0x28])]);
    const error = await rejectsWith(
      channel.unary(bytes('Embed'), request, { deadlineMs: inOneMinute() }),
      'TEXT_NOT_UTF8',
    );
    assert.equal(error.violations[0]?.field, 'texts[1]');
  });

  it("takes a caller's own U+FFFD for what it is", async () => {
    const { channel } = await serve({ Embed: ({ texts }) => ({ dimensions: texts[0]?.length ?? 0 }) });
    const { response } = await channel.unary(embed.Embed, { texts: ['a\uFFFDb'] }, { deadlineMs: inOneMinute() });
    assert.equal(response.dimensions, 3);
  });

  it('refuses a message beyond the limit', async () => {
    const { channel } = await serve({}, testServerSettings({ messageBytesMax: 1_024 }));
    await rejectsWith(
      channel.unary(embed.Embed, { texts: ['x'.repeat(2_000)] }, { deadlineMs: inOneMinute() }),
      'MESSAGE_TOO_LARGE',
    );
  });

  it('aborts the handler when the deadline passes', async () => {
    const aborted = defer<unknown>();
    const { channel } = await serve({ Embed: (_, context) => hang(context, aborted.resolve) });
    await rejectsWith(channel.unary(embed.Embed, {}, { deadlineMs: Date.now() + 50 }), 'DEADLINE_EXCEEDED');
    const reason = await aborted.promise;
    assert(reason instanceof MeshError);
    assert.match(reason.code, /^(DEADLINE_EXCEEDED|CANCELLED)$/);
  });

  it('aborts the handler when the caller goes away', async () => {
    const aborted = defer<unknown>();
    const begun = defer<void>();
    const { channel } = await serve({
      Embed(_, context) {
        begun.resolve();
        return hang(context, aborted.resolve);
      },
    });
    const caller = new AbortController();
    const call = channel.unary(embed.Embed, {}, { deadlineMs: inOneMinute(), signal: caller.signal });
    await begun.promise;
    caller.abort(new MeshError('CANCELLED', 'changed my mind'));
    await rejectsWith(call, 'CANCELLED');
    assert.equal(((await aborted.promise) as MeshError).code, 'CANCELLED');
  });

  it('gives a call without a deadline one of its own', async () => {
    const { channel } = await serve(
      { Embed: (_, context) => hang(context) },
      testServerSettings({ defaultDeadlineMs: 30 }),
    );
    await rejectsWith(channel.unary(embed.Embed, {}, { deadlineMs: Number.POSITIVE_INFINITY }), 'DEADLINE_EXCEEDED');
  });

  it('refuses the call beyond the limit of calls in flight, with a delay', async () => {
    const { channel } = await serve({ Embed: (_, context) => hang(context) }, testServerSettings({ callsMax: 1 }));
    const caller = new AbortController();
    const first = channel.unary(embed.Embed, {}, { deadlineMs: inOneMinute(), signal: caller.signal });
    const error = await rejectsWith(channel.unary(embed.Embed, {}, { deadlineMs: inOneMinute() }), 'OVERLOADED');
    assert.equal(error.retryAfterMs, 200);
    caller.abort(new MeshError('CANCELLED', 'done'));
    await rejectsWith(first, 'CANCELLED');
  });

  it('answers every call of a bidirectional stream and ends with it', async () => {
    const { channel } = await serve({});
    const requests = (async function* () {
      for (const id of ['a', 'b', 'c']) yield { id };
    })();
    const ids: string[] = [];
    for await (const { id } of channel.bidi(embed.EmbedStream, requests, { deadlineMs: inOneMinute() })) ids.push(id);
    assert.deepEqual(ids, ['a', 'b', 'c']);
  });

  it('ends a stream with the error that its handler threw', async () => {
    const { channel } = await serve({
      async *EmbedStream() {
        yield { id: 'first' };
        throw fieldError('FIELD_INVALID', 'id', 'must be short');
      },
    });
    const ids: string[] = [];
    await rejectsWith(
      (async () => {
        const requests = (async function* () {})();
        for await (const { id } of channel.bidi(embed.EmbedStream, requests, { deadlineMs: inOneMinute() }))
          ids.push(id);
      })(),
      'FIELD_INVALID',
    );
    assert.deepEqual(ids, ['first']);
  });

  it('answers METHOD_UNKNOWN for a method it does not have', async () => {
    const { channel } = await serve({});
    await rejectsWith(
      channel.unary({ ...bytes('Embed'), path: '/plexus.v1.Embed/Nope' }, Buffer.alloc(0), {
        deadlineMs: inOneMinute(),
      }),
      'METHOD_UNKNOWN',
    );
  });

  it('drains: finishes what is in flight, refuses what is new, loses nothing', async () => {
    const finish = defer<void>();
    const begun = defer<void>();
    const { server, channel } = await serve({
      async Embed() {
        begun.resolve();
        await finish.promise;
        return { dimensions: 5 };
      },
    });
    const call = channel.unary(embed.Embed, {}, { deadlineMs: inOneMinute() });
    await begun.promise;
    const drained = server.drain(10_000);
    finish.resolve();
    assert.equal((await call).response.dimensions, 5);
    assert.equal(await drained, 0);
  });

  it('cuts what outlasts the grace of a drain and says how many', async () => {
    const begun = defer<void>();
    const { server, channel } = await serve({
      Embed(_, context) {
        begun.resolve();
        return hang(context);
      },
    });
    const call = rejectsWith(
      channel.unary(embed.Embed, {}, { deadlineMs: inOneMinute() }),
      'CANCELLED',
      'UPSTREAM_UNREACHABLE',
    );
    await begun.promise;
    assert.equal(await server.drain(20), 1);
    await call;
  });
});

function bytes(method: string): Method<Buffer, Buffer> {
  return asBytes((embed as unknown as ServiceDefinition)[method] as never);
}

function hang(context: CallContext, seen?: (reason: unknown) => void): Promise<never> {
  return new Promise((_, reject) => {
    context.signal.addEventListener('abort', () => {
      seen?.(context.signal.reason);
      reject(context.signal.reason);
    });
  });
}

async function rejectsWith(promise: Promise<unknown>, ...codes: string[]): Promise<MeshError> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof MeshError, String(error));
    assert(codes.includes(error.code), `${error.code}: ${error.message}`);
    return error;
  }
  assert.fail(`answered, although ${codes.join(' or ')} was expected`);
}
