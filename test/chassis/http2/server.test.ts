/** The HTTP/2 server against a client that breaks the rules, its limits, its drain, and a C-core client. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { type Clock, systemClock } from '../../../chassis/clock.js';
import { MeshError } from '../../../chassis/errors.js';
import { Code, Flag, Frame, PREFACE, Setting } from '../../../chassis/http2/codes.js';
import { FrameReader } from '../../../chassis/http2/frame-reader.js';
import { HpackDecoder } from '../../../chassis/http2/hpack-decoder.js';
import { createHttp2Server, type Http2Server } from '../../../chassis/http2/server.js';
import type { Incoming, Outcome, Route, Sink } from '../../../chassis/implement.js';
import { plainText } from '../../../chassis/tls.js';
import { createVirtualClock, settle } from '../../kit/clock.js';
import { block, frame, headersFrame, messageFrame, type SeenFrame, settingsFrame } from '../../kit/http2-peer.js';

const REQUEST = {
  ':method': 'POST',
  ':scheme': 'http',
  ':path': '/t.T/Echo',
  ':authority': 'a',
  te: 'trailers',
  'content-type': 'application/grpc',
} as const;
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** A client by hand. */
interface RawClient {
  readonly frames: SeenFrame[];
  send(...parts: readonly Buffer[]): void;
  /** Resolves with the frames once one matches. */
  until(match: (frame: SeenFrame) => boolean): Promise<SeenFrame>;
  /** Headers of all HEADERS frames of a stream, in turn. */
  headers(id: number): Record<string, string>[];
  readonly closed: Promise<void>;
  readonly socket: Socket;
}

function rawClient(port: number): RawClient {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const frames: SeenFrame[] = [];
  const lists = new Map<number, Record<string, string>[]>();
  const looks = new Set<() => void>();
  const decoder = new HpackDecoder(1_000_000);
  const reader = new FrameReader(2 ** 24, (type, flags, id, bytes, start, end) => {
    frames.push({ type, flags, id, payload: Buffer.from(bytes.subarray(start, end)) });
    if (type === Frame.HEADERS) {
      const list = decoder.decode(bytes, start, end) ?? [];
      const headers: Record<string, string> = {};
      for (let at = 0; at < list.length; at += 2) headers[list[at] as string] = list[at + 1] as string;
      lists.set(id, [...(lists.get(id) ?? []), headers]);
    }
    for (const look of [...looks]) look();
  });
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.on('error', () => {});
  socket.write(Buffer.concat([PREFACE, frame(Frame.SETTINGS, 0, 0)]));
  return {
    frames,
    socket,
    send: (...parts) => void socket.write(Buffer.concat(parts)),
    until: (match) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = frames.find(match);
          if (!found) return;
          looks.delete(look);
          resolve(found);
        };
        looks.add(look);
        socket.once('close', () => reject(new Error('closed before the frame came')));
        look();
      }),
    headers: (id) => lists.get(id) ?? [],
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
  };
}

describe('the HTTP/2 server', function () {
  this.timeout(20_000);
  let server: Http2Server;
  let port: number;
  const clients: RawClient[] = [];
  const gone: string[] = [];
  const holds: (() => void)[] = [];

  const bytes = (given: Buffer): Buffer => given;
  const route = (
    path: string,
    serve: (input: never, incoming: Incoming, sink: Sink) => Promise<Outcome>,
    streams: { requestStream?: boolean; responseStream?: boolean } = {},
  ): Route => ({
    path,
    requestStream: false,
    responseStream: false,
    ...streams,
    decode: bytes,
    encode: bytes as never,
    serve: serve as Route['serve'],
  });
  const routes: Route[] = [
    route('/t.T/Echo', async (input: Buffer, { metadata }) => ({
      result: input,
      trailers: { 'x-seen': metadata.get('x-sent') ?? 'nothing' },
    })),
    route('/t.T/Fail', async () => ({
      error: new MeshError('FIELD_INVALID', 'ä is not % allowed'),
      trailers: { 'x-odd': 'a\nb' },
    })),
    route('/t.T/Hold', (_input, incoming) => {
      incoming.onGone(() => gone.push('gone'));
      return new Promise((resolve) => {
        holds.push(() => resolve({ result: Buffer.from('held'), trailers: {} }));
      });
    }),
    route(
      '/t.T/Both',
      async (requests: AsyncIterable<Buffer>, _incoming, sink) => {
        for await (const request of requests) sink.write(request);
        return { trailers: {} };
      },
      { requestStream: true, responseStream: true },
    ),
    route('/t.T/Refuse', async () => ({ error: new MeshError('OVERLOADED', 'no'), trailers: {} }), {
      requestStream: true,
      responseStream: true,
    }),
  ];

  const start = async (
    options: { streamsMax?: number; messageBytesMax?: number; clock?: Clock } = {},
  ): Promise<void> => {
    server = createHttp2Server({
      address: '127.0.0.1:0',
      routes,
      tls: plainText,
      clock: systemClock,
      streamsMax: 100,
      messageBytesMax: 1_000_000,
      ...options,
    });
    port = await server.start();
  };
  const open = (): RawClient => {
    const client = rawClient(port);
    clients.push(client);
    return client;
  };
  afterEach(async () => {
    for (const hold of holds.splice(0)) hold();
    gone.length = 0;
    const { done, cut } = server.drain();
    cut();
    for (const { socket } of clients.splice(0)) socket.destroy();
    await done;
  });
  const ended = (id: number) => (seen: SeenFrame) =>
    seen.id === id && seen.type === Frame.HEADERS && (seen.flags & 1) === 1;

  it('answers with headers, a message and trailers, in one piece', async () => {
    await start();
    const client = open();
    client.send(
      headersFrame(1, { ...REQUEST, 'x-sent': 'a value' }),
      messageFrame(1, Buffer.from('hello'), Flag.END_STREAM),
    );
    await client.until(ended(1));
    assert.deepEqual(client.headers(1), [
      { ':status': '200', 'content-type': 'application/grpc' },
      { 'grpc-status': '0', 'x-seen': 'a value' },
    ]);
    const data = client.frames.find(({ type, id }) => type === Frame.DATA && id === 1);
    assert.equal(data?.payload.subarray(5).toString(), 'hello');
  });

  it('answers an error with trailers alone, its words encoded, and no header that would break the line', async () => {
    await start();
    const client = open();
    client.send(
      headersFrame(1, { ...REQUEST, ':path': '/t.T/Fail' }),
      messageFrame(1, Buffer.from('x'), Flag.END_STREAM),
    );
    await client.until(ended(1));
    const [trailers] = client.headers(1);
    assert.equal(trailers?.[':status'], '200');
    assert.equal(trailers?.['grpc-status'], '3');
    assert.equal(trailers?.['grpc-message'], '%C3%A4 is not %25 allowed');
    assert.equal(trailers?.['x-odd'], 'a?b');
    assert.ok(trailers?.['grpc-status-details-bin']);
  });

  const refusals: Record<string, [expected: Record<string, string>, frames: Buffer[]]> = {
    'a method it does not have': [
      { 'grpc-status': '12' },
      [headersFrame(1, { ...REQUEST, ':path': '/t.T/No' }, Flag.END_STREAM)],
    ],
    'a call without a message': [{ 'grpc-status': '3' }, [headersFrame(1, REQUEST, Flag.END_STREAM)]],
    'a call whose message is cut': [
      { 'grpc-status': '3' },
      [headersFrame(1, REQUEST), frame(Frame.DATA, Flag.END_STREAM, 1, Buffer.from([0, 0, 0, 0, 9, 1]))],
    ],
    'two messages where one is taken': [
      { 'grpc-status': '3' },
      [headersFrame(1, REQUEST), messageFrame(1, Buffer.from('a')), messageFrame(1, Buffer.from('b'), Flag.END_STREAM)],
    ],
    'a message that is too large': [
      { 'grpc-status': '8' },
      [headersFrame(1, REQUEST), frame(Frame.DATA, 0, 1, Buffer.from([0, 1, 0, 0, 0]))],
    ],
    'a compressed message': [
      { 'grpc-status': '12' },
      [headersFrame(1, REQUEST), frame(Frame.DATA, 0, 1, Buffer.from([1, 0, 0, 0, 0]))],
    ],
    'another content type': [{ ':status': '415' }, [headersFrame(1, { ...REQUEST, 'content-type': 'text/html' })]],
    'another method of HTTP': [{ ':status': '405' }, [headersFrame(1, { ...REQUEST, ':method': 'GET' })]],
    'too many headers': [
      { 'grpc-status': '8' },
      [
        headersFrame(1, {
          ...REQUEST,
          ...Object.fromEntries(Array.from({ length: 600 }, (_, at) => [`x-${at}`, 'v'.repeat(80)])),
        }),
      ],
    ],
  };
  for (const [what, [expected, frames]] of Object.entries(refusals)) {
    it(`refuses ${what}, and the connection lives on`, async () => {
      await start();
      const client = open();
      client.send(...frames);
      await client.until(ended(1));
      const last = client.headers(1).at(-1) ?? {};
      for (const [name, value] of Object.entries(expected)) assert.equal(last[name], value);
      client.send(headersFrame(3, REQUEST), messageFrame(3, Buffer.from('still here'), Flag.END_STREAM));
      await client.until(ended(3));
      assert.equal(client.headers(3).at(-1)?.['grpc-status'], '0');
    });
  }

  const violations: Record<string, [code: number, frames: Buffer[]]> = {
    'a stream with an even number': [Code.PROTOCOL_ERROR, [headersFrame(2, REQUEST)]],
    'data of a stream that was not opened': [Code.PROTOCOL_ERROR, [frame(Frame.DATA, 0, 1)]],
    'a frame that is too long': [Code.FRAME_SIZE_ERROR, [frame(Frame.DATA, 0, 1, Buffer.alloc(70_000))]],
    'a block that is not HPACK': [
      Code.COMPRESSION_ERROR,
      [frame(Frame.HEADERS, Flag.END_HEADERS, 1, Buffer.from([0xbe]))],
    ],
    'a window of 0 more': [Code.PROTOCOL_ERROR, [frame(Frame.WINDOW_UPDATE, 0, 0, u32(0))]],
    'a push': [Code.PROTOCOL_ERROR, [frame(Frame.PUSH_PROMISE, Flag.END_HEADERS, 1, u32(2))]],
    'a flood of CONTINUATION': [
      Code.ENHANCE_YOUR_CALM,
      [
        frame(Frame.HEADERS, 0, 1, block(REQUEST)),
        ...Array.from({ length: 100 }, () => frame(Frame.CONTINUATION, 0, 1)),
      ],
    ],
    'a flood of resets': [
      Code.ENHANCE_YOUR_CALM,
      Array.from({ length: 12_000 }, (_, at) =>
        Buffer.concat([headersFrame(at * 2 + 1, REQUEST), frame(Frame.RST_STREAM, 0, at * 2 + 1, u32(Code.CANCEL))]),
      ),
    ],
  };
  for (const [what, [code, frames]] of Object.entries(violations)) {
    it(`closes the connection on ${what}`, async () => {
      await start();
      const client = open();
      client.send(...frames);
      const said = await client.until(({ type }) => type === Frame.GOAWAY);
      assert.equal(said.payload.readUInt32BE(4), code);
      await client.closed;
    });
  }

  it('closes the connection of whoever speaks something else', async () => {
    await start();
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
  });

  it('closes a connection that says nothing for 10 s', async () => {
    const clock = createVirtualClock();
    await start({ clock });
    const socket = connect(port, '127.0.0.1');
    socket.resume();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('connect', resolve));
    while (clock.pending === 0) await settle();
    await clock.advance(10_000);
    await closed;
  });

  it('refuses streams beyond its limit, as never looked at', async () => {
    await start({ streamsMax: 2 });
    const client = open();
    for (const id of [1, 3, 5])
      client.send(
        headersFrame(id, { ...REQUEST, ':path': '/t.T/Hold' }),
        messageFrame(id, Buffer.from('x'), Flag.END_STREAM),
      );
    const said = await client.until(({ type }) => type === Frame.RST_STREAM);
    assert.deepEqual([said.id, said.payload.readUInt32BE(0)], [5, Code.REFUSED_STREAM]);
    const settings = client.frames.find(({ type, flags }) => type === Frame.SETTINGS && flags === 0)?.payload as Buffer;
    const pairs = Array.from({ length: settings.length / 6 }, (_, at) => [
      settings.readUInt16BE(at * 6),
      settings.readUInt32BE(at * 6 + 2),
    ]);
    assert.deepEqual(
      pairs.find(([name]) => name === Setting.MAX_CONCURRENT_STREAMS),
      [Setting.MAX_CONCURRENT_STREAMS, 2],
    );
  });

  it('tells the handler that the caller left: by a reset, and with its connection', async () => {
    await start();
    const client = open();
    for (const id of [1, 3])
      client.send(
        headersFrame(id, { ...REQUEST, ':path': '/t.T/Hold' }),
        messageFrame(id, Buffer.from('x'), Flag.END_STREAM),
      );
    while (holds.length < 2) await settle();
    client.send(frame(Frame.RST_STREAM, 0, 1, u32(Code.CANCEL)));
    while (gone.length < 1) await settle();
    client.socket.destroy();
    while (gone.length < 2) await settle();
  });

  it('keeps trailers behind a message that waits for the window', async () => {
    await start();
    const client = open();
    client.send(settingsFrame([Setting.INITIAL_WINDOW_SIZE, 8]));
    client.send(headersFrame(1, REQUEST), messageFrame(1, Buffer.from('longer than the window'), Flag.END_STREAM));
    await client.until(({ type }) => type === Frame.DATA);
    for (let turn = 0; turn < 5; turn++) await settle();
    assert.equal(client.headers(1).length, 1, 'no trailers yet');
    client.send(frame(Frame.WINDOW_UPDATE, 0, 1, u32(1_000)));
    await client.until(ended(1));
    assert.equal(client.headers(1)[1]?.['grpc-status'], '0');
    const data = client.frames.filter(({ type }) => type === Frame.DATA).map(({ payload }) => payload);
    assert.equal(Buffer.concat(data).subarray(5).toString(), 'longer than the window');
  });

  it('needs no more of a request that it has answered', async () => {
    await start();
    const client = open();
    client.send(headersFrame(1, { ...REQUEST, ':path': '/t.T/Refuse' }));
    await client.until(ended(1));
    const reset = await client.until(({ type }) => type === Frame.RST_STREAM);
    assert.equal(reset.payload.readUInt32BE(0), Code.NO_ERROR);
    client.send(messageFrame(1, Buffer.from('too late')));
    client.send(headersFrame(3, REQUEST), messageFrame(3, Buffer.from('x'), Flag.END_STREAM));
    await client.until(ended(3));
  });

  it('drains: says so, takes what was on its way, lets calls end, names the last it saw, closes', async () => {
    await start();
    const client = open();
    client.send(
      headersFrame(1, { ...REQUEST, ':path': '/t.T/Hold' }),
      messageFrame(1, Buffer.from('x'), Flag.END_STREAM),
    );
    while (holds.length < 1) await settle();
    const { done } = server.drain();
    const first = await client.until(({ type }) => type === Frame.GOAWAY);
    assert.equal(first.payload.readUInt32BE(0), 2 ** 31 - 1);
    client.send(headersFrame(3, REQUEST), messageFrame(3, Buffer.from('late'), Flag.END_STREAM));
    await client.until(ended(3));
    for (const hold of holds.splice(0)) hold();
    await client.until(ended(1));
    await client.closed;
    const last = client.frames.filter(({ type }) => type === Frame.GOAWAY).at(-1);
    assert.equal(last?.payload.readUInt32BE(0), 3);
    await done;
  });

  it('survives any frames: each connection lives on or is told why it does not', async () => {
    await start();
    const any = fc.record({
      type: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 255 })),
      flags: fc.oneof(fc.constantFrom(0, 1, 4, 5, 8, 0x20), fc.integer({ min: 0, max: 255 })),
      id: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
      payload: fc.uint8Array({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 12 }), fc.boolean(), async (frames, opened) => {
        const client = rawClient(port);
        if (opened) client.send(headersFrame(1, { ...REQUEST, ':path': '/t.T/Both' }));
        client.send(...frames.map(({ type, flags, id, payload }) => frame(type, flags, id, Buffer.from(payload))));
        client.send(frame(Frame.PING, 0, 0, Buffer.from('how goes')));
        const lives = client
          .until(
            ({ type, flags, payload }) =>
              type === Frame.PING && flags === Flag.ACK && payload.toString() === 'how goes',
          )
          .then(
            () => 'lives',
            () => 'closed',
          );
        const outcome = await lives;
        assert.ok(
          outcome === 'lives' || client.frames.some(({ type }) => type === Frame.GOAWAY),
          'closed without a word',
        );
        client.socket.destroy();
      }),
      { numRuns: 300 },
    );
    const client = open();
    client.send(headersFrame(1, REQUEST), messageFrame(1, Buffer.from('still here'), Flag.END_STREAM));
    await client.until(ended(1));
  });

  it('answers a C-core client: bytes of every size, streams, errors, deadlines', async function () {
    const python = process.env.PLEXUS_PYTHON ?? 'python3';
    try {
      execFileSync(python, ['-c', 'import grpc'], { stdio: 'ignore' });
    } catch {
      console.warn('NO PYTHON WITH grpcio HERE (PLEXUS_PYTHON NAMES ONE): C-CORE IS NOT TESTED.');
      this.skip();
    }
    await start();
    const { stdout } = await promisify(execFile)(python, ['-c', C_CORE_CLIENT, `127.0.0.1:${port}`]);
    assert.equal(stdout.trim(), 'ok');
    while (gone.length < 1) await settle();
  });
});

const C_CORE_CLIENT = `
import grpc, sys
channel = grpc.insecure_channel(sys.argv[1])
echo = channel.unary_unary('/t.T/Echo')
for size in (0, 1, 16384, 900000):
    answer, call = echo.with_call(b'x' * size, metadata=(('x-sent', 'a'),), timeout=10)
    assert answer == b'x' * size
    assert dict(call.trailing_metadata())['x-seen'] == 'a'
assert [len(m) for m in channel.stream_stream('/t.T/Both')(iter([b'y' * (n * 500) for n in range(50)]), timeout=10)] == [n * 500 for n in range(50)]
def status(path, timeout=10):
    try: channel.unary_unary(path)(b'x', timeout=timeout)
    except grpc.RpcError as error: return error.code(), error.details()
assert status('/t.T/Fail') == (grpc.StatusCode.INVALID_ARGUMENT, 'ä is not % allowed')
assert status('/t.T/No')[0] == grpc.StatusCode.UNIMPLEMENTED
assert status('/t.T/Hold', 0.2)[0] == grpc.StatusCode.DEADLINE_EXCEEDED
print('ok')
`;
