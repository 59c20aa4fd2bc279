/**
 * The two transports to instances, held to the same table: over grpc-js and over our own HTTP/2, against a server of the chassis
 * of either kind, with and without TLS, through a line that misbehaves, and against a C-core server where Python has grpcio.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { CallContext } from '../../../chassis/call.js';
import { asBytes } from '../../../chassis/codec.js';
import { fieldError, MeshError } from '../../../chassis/errors.js';
import { implementDefinition } from '../../../chassis/implement.js';
import { createServer, type MeshServer } from '../../../chassis/server.js';
import { plainText, type TlsSettings } from '../../../chassis/tls.js';
import { createGrpcTransport, createHttp2Transport, type Transport } from '../../../gateway/upstream/index.js';
import type { Pending, PendingStream } from '../../../gateway/upstream/transport.js';
import { definition } from '../../../protos/index.js';
import { testServerSettings } from '../../kit/settings.js';
import { type Faults, startTcpProxy, type TcpProxy } from '../../kit/tcp-proxy.js';

const SERVERS = ['grpc-js', 'http2'] as const;
const TRANSPORTS = { http2: createHttp2Transport, 'grpc-js': createGrpcTransport } as const;
const EMBED = 'plexus.v1.Embed/Embed';
const STREAM = 'plexus.v1.Embed/EmbedStream';
const GENERATE = 'plexus.v1.Summarize/SummarizeStream';

/** Bytes as a message: field 2, since the server looks whether a request is one. */
function say(given: string | Buffer): Buffer {
  const bytes = Buffer.from(given);
  if (bytes.length === 0) return bytes;
  const head = [0x12];
  let rest = bytes.length;
  for (; rest >= 0x80; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...head, rest]), bytes]);
}
function told(message: Buffer): Buffer {
  let at = 1;
  while ((message[at] ?? 0) >= 0x80) at++;
  return message.subarray(at + 1);
}

/** What the server does, told by the request's text. */
const unary = async (request: Buffer, context: CallContext): Promise<Buffer> => {
  const given = told(request);
  const text = given.toString();
  context.setTrailer('x-seen', context.metadata.get('x-sent') ?? 'nothing');
  if (text.startsWith('large:')) return Buffer.alloc(Number(text.slice(6)), 7);
  if (text === 'refuse') throw new MeshError('QUEUE_FULL', 'the queue is full', { retryAfterMs: 1_500 });
  if (text === 'field') throw fieldError('FIELD_INVALID', 'text', 'must not be ä % "é"', { limit: '3' });
  if (text === 'break') throw new Error('a secret');
  if (text === 'late') throw new MeshError('DEADLINE_EXCEEDED', 'the server says so');
  if (text === 'deadline') return Buffer.from(String(Math.round((context.deadlineMs - Date.now()) / 1_000)));
  if (text === 'hold') {
    await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve(), { once: true }));
    held.push((context.signal.reason as MeshError).code);
    throw context.signal.reason;
  }
  return given;
};
async function* serverStream(request: Buffer, context: CallContext): AsyncGenerator<Buffer> {
  const [count = 0, bytes = 1, failAt = -1] = told(request).toString().split(',').map(Number);
  for (let each = 0; each < count; each++) {
    if (each === failAt) throw new MeshError('MODEL_FAILED', 'it broke half way');
    produced = each + 1;
    yield Buffer.alloc(bytes, each);
  }
  context.setTrailer('x-count', String(count));
}
async function* bidi(requests: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const request of requests) yield told(request);
}
const held: string[] = [];
let produced = 0;

async function startServer(
  kind: (typeof SERVERS)[number],
  tls: TlsSettings = plainText,
): Promise<{ server: MeshServer; port: number }> {
  const embed = definition('plexus.v1.Embed');
  const summarize = definition('plexus.v1.Summarize');
  const server = createServer({
    services: [
      implementDefinition(
        'plexus.v1.Embed',
        { Embed: asBytes(embed.Embed as never), EmbedStream: asBytes(embed.EmbedStream as never) } as never,
        { Embed: unary as never, EmbedStream: bidi as never },
      ),
      implementDefinition(
        'plexus.v1.Summarize',
        { SummarizeStream: asBytes(summarize.SummarizeStream as never) } as never,
        { SummarizeStream: serverStream as never },
      ),
    ],
    address: '127.0.0.1:0',
    settings: testServerSettings({ callsMax: 5_000, transport: kind }),
    tls,
  });
  return { server, port: await server.start() };
}

const inTime = (ms = 10_000): { deadlineMs: number; metadata: undefined } => ({
  deadlineMs: Date.now() + ms,
  metadata: undefined,
});
const outcome = (pending: Pending): Promise<string> =>
  pending.answer.then(
    () => 'OK',
    (error) => (error instanceof MeshError ? error.code : `FOREIGN ${error}`),
  );
async function read(stream: PendingStream): Promise<Buffer[]> {
  const messages: Buffer[] = [];
  for await (const message of stream.messages) messages.push(message);
  return messages;
}

const pairs = SERVERS.flatMap((kind) => Object.entries(TRANSPORTS).map(([name, create]) => ({ kind, name, create })));
for (const { kind, name, create } of pairs) {
  describe(`the transport over ${name} to a server over ${kind}`, function () {
    this.timeout(30_000);
    let server: MeshServer;
    let port: number;
    let transport: Transport;
    before(async () => {
      ({ server, port } = await startServer(kind));
      transport = create(`127.0.0.1:${port}`);
    });
    after(async () => {
      transport.close();
      await server.drain(0);
    });

    it('passes bytes, metadata and trailers', async () => {
      const { response, trailers } = await transport.unary(EMBED, say('hello'), {
        ...inTime(),
        metadata: { 'x-sent': 'a value', 'x-request-id': 'r-1' },
      }).answer;
      assert.equal(response.toString(), 'hello');
      assert.equal(trailers['x-seen'], 'a value');
      assert.equal(trailers['x-request-id'], 'r-1');
      assert.ok(!('grpc-status' in trailers) && !('grpc-message' in trailers));
    });

    it('passes messages of every size', async () => {
      for (const bytes of [0, 1, 16_379, 16_380, 65_530, 65_536, 1_048_576, 5_000_000]) {
        const request = Buffer.alloc(bytes, 5);
        assert.ok(
          (await transport.unary(EMBED, say(request), inTime()).answer).response.equals(request),
          `${bytes} there`,
        );
        const { response } = await transport.unary(EMBED, say(`large:${bytes}`), inTime()).answer;
        assert.ok(response.equals(Buffer.alloc(bytes, 7)), `${bytes} back`);
      }
    });

    it('gives errors with their code, words, facts, fields and pushback', async () => {
      await assert.rejects(transport.unary(EMBED, say('refuse'), inTime()).answer, {
        code: 'QUEUE_FULL',
        message: 'the queue is full',
        retryAfterMs: 1_500,
      });
      await assert.rejects(transport.unary(EMBED, say('field'), inTime()).answer, {
        code: 'FIELD_INVALID',
        message: 'text: must not be ä % "é"',
        violations: [{ field: 'text', description: 'must not be ä % "é"' }],
        facts: { limit: '3' },
      });
      await assert.rejects(transport.unary(EMBED, say('break'), inTime()).answer, {
        code: 'INTERNAL',
        message: /^internal error, reference [0-9a-f]+$/,
      });
      await assert.rejects(transport.unary(EMBED, say('late'), inTime()).answer, {
        code: 'DEADLINE_EXCEEDED',
        message: 'the server says so',
      });
      await assert.rejects(transport.unary('plexus.v1.Embed/Nothing', say('x'), inTime()).answer, {
        code: 'METHOD_UNKNOWN',
      });
    });

    it('sends the deadline, ends at it, and the work stops', async () => {
      const { response } = await transport.unary(EMBED, say('deadline'), inTime(30_000)).answer;
      assert.equal(response.toString(), '30');
      held.length = 0;
      await assert.rejects(transport.unary(EMBED, say('hold'), inTime(50)).answer, {
        code: 'DEADLINE_EXCEEDED',
      });
      while (held.length === 0) await sleep(5);
      assert.equal(await outcome(transport.unary(EMBED, say('x'), inTime(-1))), 'DEADLINE_EXCEEDED');
    });

    it('ends with the reason it was cancelled for, and the work stops', async () => {
      held.length = 0;
      const pending = transport.unary(EMBED, say('hold'), inTime());
      await sleep(50);
      pending.cancel(new MeshError('CANCELLED', 'another was faster'));
      pending.cancel(new MeshError('INTERNAL', 'too late'));
      await assert.rejects(pending.answer, { code: 'CANCELLED', message: 'another was faster' });
      while (held.length === 0) await sleep(5);
      assert.deepEqual(held, ['CANCELLED']);
    });

    it('reads a server stream to its end, with its trailers', async () => {
      const stream = transport.serverStream(GENERATE, say('100,1000'), inTime());
      assert.equal((await read(stream)).length, 100);
      assert.equal(stream.trailers['x-count'], '100');
    });

    it('gives what came before a stream broke, then the error', async () => {
      const seen: Buffer[] = [];
      await assert.rejects(
        async () => {
          for await (const message of transport.serverStream(GENERATE, say('10,5,3'), inTime()).messages)
            seen.push(message);
        },
        { code: 'MODEL_FAILED', message: 'it broke half way' },
      );
      assert.equal(seen.length, 3);
    });

    it('holds a stream back that is not read', async () => {
      produced = 0;
      const stream = transport.serverStream(GENERATE, say('1000,100000'), inTime(20_000));
      const reader = stream.messages[Symbol.asyncIterator]();
      await reader.next();
      let before = -1;
      while (before !== produced) {
        before = produced;
        await sleep(100);
      }
      assert.ok(produced < 200, `${produced} of 1000 messages of 100 kB were made`);
      let count = 1;
      while (!(await reader.next()).done) count++;
      assert.equal(count, 1_000);
    });

    it('stops the server when the reader leaves', async () => {
      produced = 0;
      for await (const _ of transport.serverStream(GENERATE, say('100000,10000'), inTime()).messages) break;
      let before = -1;
      while (before !== produced) {
        before = produced;
        await sleep(100);
      }
      assert.ok(produced < 10_000, `${produced} were made`);
    });

    it('relays both directions of a stream, and its end', async () => {
      async function* requests(): AsyncGenerator<Buffer> {
        for (let each = 0; each < 50; each++) yield say(Buffer.alloc(each * 1_000, each));
      }
      const messages = await read(transport.bidi(STREAM, requests(), inTime()));
      assert.deepEqual(
        messages.map(({ length }) => length),
        Array.from({ length: 50 }, (_, each) => each * 1_000),
      );
    });

    it('cancels a stream whose requests break', async () => {
      async function* requests(): AsyncGenerator<Buffer> {
        yield say('one');
        throw new Error('the source broke');
      }
      await assert.rejects(read(transport.bidi(STREAM, requests(), inTime())), { code: 'CANCELLED' });
    });

    it('passes many calls at once, each its own answer', async () => {
      const texts = Array.from({ length: 500 }, (_, each) => `call ${each} ${'x'.repeat(each * 7)}`);
      const answers = await Promise.all(texts.map((text) => transport.unary(EMBED, say(text), inTime()).answer));
      assert.deepEqual(
        answers.map(({ response }) => response.toString()),
        texts,
      );
    });

    it('says UPSTREAM_UNREACHABLE, without an address, where nobody listens', async () => {
      const nobody = create('127.0.0.1:1');
      await assert.rejects(nobody.unary(EMBED, say('x'), inTime()).answer, {
        code: 'UPSTREAM_UNREACHABLE',
        message: 'the instance could not be reached, or was lost during the call',
      });
      nobody.close();
    });

    it('lets calls in flight end when the server drains, and reaches it again after it came back', async () => {
      const first = await startServer(kind);
      const own = create(`127.0.0.1:${first.port}`);
      const stream = own.serverStream(GENERATE, say('30,100000'), inTime());
      const reader = stream.messages[Symbol.asyncIterator]();
      await reader.next();
      const drained = first.server.drain(5_000);
      let count = 1;
      while (!(await reader.next()).done) count++;
      assert.equal(count, 30);
      assert.equal(await drained, 0);
      own.close();
    });

    it('ends each call exactly once, whatever happens to the line and whenever it is cancelled', async () => {
      const proxy = await startTcpProxy(`127.0.0.1:${port}`);
      const line = fc.record({
        resetAfterBytes: fc.option(fc.integer({ min: 0, max: 1_500 }), { nil: undefined }),
        resetAfterSentBytes: fc.option(fc.integer({ min: 0, max: 1_500 }), { nil: undefined }),
        sliceBytes: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
      });
      const calls = fc.array(
        fc.record({ cancelMs: fc.option(fc.integer({ min: 0, max: 10 })), bytes: fc.integer({ min: 0, max: 300 }) }),
        { minLength: 1, maxLength: 6 },
      );
      await fc.assert(
        fc.asyncProperty(line, calls, async (faults, given) => {
          proxy.faults = Object.fromEntries(
            Object.entries(faults).filter(([, value]) => value !== undefined),
          ) as Faults;
          const own = create(proxy.address);
          const ends = await Promise.all(
            given.map(async ({ cancelMs, bytes }) => {
              const request = Buffer.alloc(bytes, 3);
              const pending = own.unary(EMBED, say(request), inTime(5_000));
              let ended = 0;
              const end = pending.answer.then(
                ({ response }) => {
                  ended++;
                  assert.ok(response.equals(request), 'a wrong answer');
                  return 'OK';
                },
                (error) => {
                  ended++;
                  return error instanceof MeshError ? error.code : `FOREIGN ${error}`;
                },
              );
              if (cancelMs !== null) setTimeout(() => pending.cancel(new MeshError('CANCELLED', 'left')), cancelMs);
              const code = await end;
              pending.cancel(new MeshError('CANCELLED', 'again'));
              await Promise.resolve();
              assert.equal(ended, 1);
              return code;
            }),
          );
          own.close();
          for (const code of ends) assert.ok(['OK', 'CANCELLED', 'UPSTREAM_UNREACHABLE'].includes(code), code);
        }),
        { numRuns: 60 },
      );
      await proxy.close();
    });

    describe('over a line that breaks', () => {
      let proxy: TcpProxy;
      before(async () => {
        proxy = await startTcpProxy(`127.0.0.1:${port}`);
      });
      after(() => proxy.close());

      it('at any byte, there or back, gives no wrong answer and no hang', async () => {
        for (const key of ['resetAfterBytes', 'resetAfterSentBytes'] as const) {
          const codes = new Set<string>();
          for (let bytes = 0; bytes <= 420; bytes += bytes < 150 ? 1 : 9) {
            proxy.faults = { [key]: bytes };
            const own = create(proxy.address);
            const code = await outcome(own.unary(EMBED, say('over the line'), inTime(5_000)));
            assert.ok(['OK', 'UPSTREAM_UNREACHABLE'].includes(code), `${code} at ${bytes}`);
            codes.add(code);
            own.close();
          }
          assert.ok(codes.has('UPSTREAM_UNREACHABLE'), 'some offsets break it');
        }
      });

      it('into slices and late ones, says the same', async () => {
        for (const faults of [{ sliceBytes: 1 }, { sliceBytes: 3, jitterMs: 2 }] satisfies Faults[]) {
          proxy.faults = faults;
          const own = create(proxy.address);
          const answers = await Promise.all(
            ['a', 'b', 'c'].map((text) => own.unary(EMBED, say(text), inTime(20_000)).answer),
          );
          assert.deepEqual(
            answers.map(({ response }) => response.toString()),
            ['a', 'b', 'c'],
          );
          own.close();
        }
      });
    });

    describe('over TLS', () => {
      let folder: string;
      before(function () {
        folder = mkdtempSync(join(tmpdir(), 'plexus-tls-'));
        try {
          makeCertificates(folder);
        } catch {
          console.warn('NO openssl HERE: TLS IS NOT TESTED.');
          this.skip();
        }
      });
      after(() => rmSync(folder, { recursive: true, force: true }));
      const tls = (certificate: string): TlsSettings => ({
        certFile: certificate && join(folder, `${certificate}.pem`),
        keyFile: certificate && join(folder, `${certificate}.key`),
        caFile: join(folder, 'ca.pem'),
      });

      it('knows the server by the authority, and shows its own certificate', async () => {
        const secure = await startServer(kind, tls('server'));
        const own = create(`localhost:${secure.port}`, { tls: tls('client') });
        assert.equal((await own.unary(EMBED, say('secret'), inTime()).answer).response.toString(), 'secret');
        own.close();
        const nameless = create(`localhost:${secure.port}`, { tls: tls('') });
        assert.equal(await outcome(nameless.unary(EMBED, say('x'), inTime())), 'UPSTREAM_UNREACHABLE');
        nameless.close();
        await secure.server.drain(0);
      });

      it('refuses a server of another name or authority', async () => {
        const stranger = await startServer(kind, { ...tls('stranger'), caFile: '' });
        const own = create(`localhost:${stranger.port}`, { tls: tls('client') });
        assert.equal(await outcome(own.unary(EMBED, say('x'), inTime())), 'UPSTREAM_UNREACHABLE');
        own.close();
        await stranger.server.drain(0);
      });
    });
  });
}

for (const [name, create] of Object.entries(TRANSPORTS)) {
  describe(`the transport over ${name} to a C-core server`, () => {
    let child: ChildProcess | undefined;
    let own: Transport;
    before(async function () {
      const python = process.env.PLEXUS_PYTHON ?? 'python3';
      try {
        execFileSync(python, ['-c', 'import grpc'], { stdio: 'ignore' });
      } catch {
        console.warn('NO PYTHON WITH grpcio HERE (PLEXUS_PYTHON NAMES ONE): C-CORE IS NOT TESTED.');
        this.skip();
      }
      child = spawn(python, ['-c', C_CORE_SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
      const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      own = create(`127.0.0.1:${line.toString().trim()}`);
    });
    after(() => {
      own?.close();
      child?.kill();
    });

    it('passes bytes of every size, both ways, unary and streamed', async () => {
      for (const bytes of [0, 1, 16_384, 1_000_000]) {
        const request = Buffer.alloc(bytes, 9);
        const { response, trailers } = await own.unary('t.T/Echo', request, {
          ...inTime(),
          metadata: { 'x-sent': 'a' },
        }).answer;
        assert.ok(response.equals(request));
        assert.equal(trailers['x-seen'], 'a');
      }
      async function* requests(): AsyncGenerator<Buffer> {
        for (let each = 0; each < 20; each++) yield Buffer.alloc(each * 500, each);
      }
      assert.equal((await read(own.bidi('t.T/Both', requests(), inTime()))).length, 20);
      assert.equal((await read(own.serverStream('t.T/Many', Buffer.from('200'), inTime()))).length, 200);
    });

    it('reads its errors, and is stopped by cancel and deadline', async () => {
      await assert.rejects(own.unary('t.T/Fail', Buffer.from('x'), inTime()).answer, {
        code: 'FIELD_INVALID',
        message: 'ä is not % allowed',
      });
      assert.equal(await outcome(own.unary('t.T/Nothing', Buffer.from('x'), inTime())), 'METHOD_UNKNOWN');
      assert.equal(await outcome(own.unary('t.T/Hold', Buffer.from('x'), inTime(100))), 'DEADLINE_EXCEEDED');
      const pending = own.unary('t.T/Hold', Buffer.from('x'), inTime());
      setTimeout(() => pending.cancel(new MeshError('CANCELLED', 'left')), 50);
      assert.equal(await outcome(pending), 'CANCELLED');
      assert.equal(await outcome(own.unary('t.T/Echo', Buffer.from('x'), inTime())), 'OK');
    });
  });
}

/** An authority, a server "localhost", a client, and a server "localhost" that somebody else signed. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  openssl(
    'req',
    '-x509',
    ...key,
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost',
    '-keyout',
    'stranger.key',
    '-out',
    'stranger.pem',
  );
  for (const name of ['server', 'client']) {
    openssl(
      'req',
      '-x509',
      ...key,
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=DNS:localhost',
      '-addext',
      'basicConstraints=critical,CA:FALSE',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  }
}

const C_CORE_SERVER = `
import grpc, sys, threading, time
from concurrent import futures
def echo(request, context):
    context.set_trailing_metadata((('x-seen', dict(context.invocation_metadata()).get('x-sent', 'nothing')),))
    return request
def fail(request, context):
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, 'ä is not % allowed')
def hold(request, context):
    done = threading.Event()
    context.add_callback(done.set)
    done.wait(20)
    return request
def both(requests, context):
    for request in requests: yield request
def many(request, context):
    for each in range(int(request)): yield bytes([each % 256]) * 1000
handlers = grpc.method_handlers_generic_handler('t.T', {
    'Echo': grpc.unary_unary_rpc_method_handler(echo), 'Fail': grpc.unary_unary_rpc_method_handler(fail),
    'Hold': grpc.unary_unary_rpc_method_handler(hold), 'Both': grpc.stream_stream_rpc_method_handler(both),
    'Many': grpc.unary_stream_rpc_method_handler(many)})
server = grpc.server(futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers((handlers,))
print(server.add_insecure_port('127.0.0.1:0'), flush=True)
server.start()
sys.stdin.read()
server.stop(0)
`;
