/** The client's connection against a peer that breaks the rules: the right GOAWAY, every call ends, every limit holds. */
import assert from 'node:assert/strict';
import { systemClock } from '../../../chassis/clock.js';
import type { MeshError } from '../../../chassis/errors.js';
import { createHttp2Client, type Http2Client } from '../../../chassis/http2/client.js';
import type { UnaryCall } from '../../../chassis/http2/client-call.js';
import { Code, Flag, Frame, Setting } from '../../../chassis/http2/codes.js';
import { plainText } from '../../../chassis/tls.js';
import { createVirtualClock, settle, type VirtualClock } from '../../kit/clock.js';
import {
  answer,
  block,
  frame,
  type Http2Peer,
  headersFrame,
  messageFrame,
  type PeerConnection,
  RESPONSE,
  settingsFrame,
  startHttp2Peer,
} from '../../kit/http2-peer.js';

const MESSAGE = Buffer.from('message');
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};
const goaway = (lastId: number, code: number): Buffer =>
  frame(Frame.GOAWAY, 0, 0, Buffer.concat([u32(lastId), u32(code)]));

describe('the HTTP/2 connection', () => {
  let peer: Http2Peer;
  let client: Http2Client;

  const start = async (
    onConnection: (connection: PeerConnection) => void,
    options: { settings?: Buffer | undefined; clock?: VirtualClock; messageBytesMax?: number } = {},
  ): Promise<void> => {
    peer = await startHttp2Peer(onConnection, 'settings' in options ? { settings: options.settings } : {});
    client = createHttp2Client(peer.address, {
      tls: plainText,
      clock: options.clock ?? systemClock,
      random: () => 0.5,
      messageBytesMax: options.messageBytesMax ?? 1_000_000,
    });
  };
  afterEach(async () => {
    client.close();
    await peer.stop();
  });
  const send = (text = 'request', deadlineMs = Number.POSITIVE_INFINITY): UnaryCall =>
    client.unary('/s/m', Buffer.from(text), { deadlineMs, metadata: undefined });
  const codeOf = (call: UnaryCall): Promise<string> =>
    call.answer.then(
      () => 'OK',
      (error: MeshError) => error.code,
    );

  describe('closes with', () => {
    const cases: Record<string, [code: number, frames: Buffer]> = {
      'PROTOCOL_ERROR on DATA without a stream': [Code.PROTOCOL_ERROR, frame(Frame.DATA, 0, 0)],
      'PROTOCOL_ERROR on DATA of a stream that nobody opened': [Code.PROTOCOL_ERROR, frame(Frame.DATA, 0, 99)],
      'PROTOCOL_ERROR on HEADERS of a stream that nobody opened': [Code.PROTOCOL_ERROR, headersFrame(2, RESPONSE)],
      'PROTOCOL_ERROR on padding longer than the frame': [
        Code.PROTOCOL_ERROR,
        Buffer.concat([headersFrame(1, RESPONSE), frame(Frame.DATA, Flag.PADDED, 1, Buffer.from([5, 1, 2]))]),
      ],
      'PROTOCOL_ERROR on a push': [Code.PROTOCOL_ERROR, frame(Frame.PUSH_PROMISE, Flag.END_HEADERS, 1, u32(2))],
      'PROTOCOL_ERROR on CONTINUATION without HEADERS': [
        Code.PROTOCOL_ERROR,
        frame(Frame.CONTINUATION, Flag.END_HEADERS, 1),
      ],
      'PROTOCOL_ERROR on another frame inside a header block': [
        Code.PROTOCOL_ERROR,
        Buffer.concat([frame(Frame.HEADERS, 0, 1, block(RESPONSE)), frame(Frame.PING, 0, 0, Buffer.alloc(8))]),
      ],
      'PROTOCOL_ERROR on RST_STREAM without a stream': [Code.PROTOCOL_ERROR, frame(Frame.RST_STREAM, 0, 0, u32(0))],
      'PROTOCOL_ERROR on RST_STREAM of a stream that nobody opened': [
        Code.PROTOCOL_ERROR,
        frame(Frame.RST_STREAM, 0, 99, u32(0)),
      ],
      'PROTOCOL_ERROR on a window update of 0': [Code.PROTOCOL_ERROR, frame(Frame.WINDOW_UPDATE, 0, 0, u32(0))],
      'PROTOCOL_ERROR on SETTINGS of a stream': [Code.PROTOCOL_ERROR, frame(Frame.SETTINGS, 0, 1)],
      'PROTOCOL_ERROR on PING of a stream': [Code.PROTOCOL_ERROR, frame(Frame.PING, 0, 1, Buffer.alloc(8))],
      'PROTOCOL_ERROR on GOAWAY of a stream': [Code.PROTOCOL_ERROR, frame(Frame.GOAWAY, 0, 1, Buffer.alloc(8))],
      'PROTOCOL_ERROR on a frame size out of range': [Code.PROTOCOL_ERROR, settingsFrame([Setting.MAX_FRAME_SIZE, 1])],
      'PROTOCOL_ERROR on ENABLE_PUSH of 2': [Code.PROTOCOL_ERROR, settingsFrame([Setting.ENABLE_PUSH, 2])],
      'FLOW_CONTROL_ERROR on a window beyond 2^31': [
        Code.FLOW_CONTROL_ERROR,
        frame(Frame.WINDOW_UPDATE, 0, 0, u32(0x7fffffff)),
      ],
      'FLOW_CONTROL_ERROR on an initial window beyond 2^31': [
        Code.FLOW_CONTROL_ERROR,
        settingsFrame([Setting.INITIAL_WINDOW_SIZE, 2 ** 31]),
      ],
      'FRAME_SIZE_ERROR on a frame that is too long': [
        Code.FRAME_SIZE_ERROR,
        frame(Frame.DATA, 0, 1, Buffer.alloc(70_000)),
      ],
      'FRAME_SIZE_ERROR on a short PING': [Code.FRAME_SIZE_ERROR, frame(Frame.PING, 0, 0, Buffer.alloc(7))],
      'FRAME_SIZE_ERROR on a short RST_STREAM': [Code.FRAME_SIZE_ERROR, frame(Frame.RST_STREAM, 0, 1, Buffer.alloc(3))],
      'FRAME_SIZE_ERROR on a short WINDOW_UPDATE': [
        Code.FRAME_SIZE_ERROR,
        frame(Frame.WINDOW_UPDATE, 0, 0, Buffer.alloc(3)),
      ],
      'FRAME_SIZE_ERROR on SETTINGS of 5 bytes': [Code.FRAME_SIZE_ERROR, frame(Frame.SETTINGS, 0, 0, Buffer.alloc(5))],
      'FRAME_SIZE_ERROR on an acknowledgement with a payload': [
        Code.FRAME_SIZE_ERROR,
        frame(Frame.SETTINGS, Flag.ACK, 0, Buffer.alloc(6)),
      ],
      'FRAME_SIZE_ERROR on a short GOAWAY': [Code.FRAME_SIZE_ERROR, frame(Frame.GOAWAY, 0, 0, Buffer.alloc(4))],
      'FRAME_SIZE_ERROR on a short PRIORITY': [Code.FRAME_SIZE_ERROR, frame(Frame.PRIORITY, 0, 1, Buffer.alloc(4))],
      'COMPRESSION_ERROR on a block that is not HPACK': [
        Code.COMPRESSION_ERROR,
        frame(Frame.HEADERS, Flag.END_HEADERS, 1, Buffer.from([0xbe])),
      ],
      'ENHANCE_YOUR_CALM on a flood of CONTINUATION': [
        Code.ENHANCE_YOUR_CALM,
        Buffer.concat([
          frame(Frame.HEADERS, 0, 1),
          ...Array.from({ length: 100 }, () => frame(Frame.CONTINUATION, 0, 1, Buffer.from([0x82]))),
        ]),
      ],
      'ENHANCE_YOUR_CALM on a header block without end': [
        Code.ENHANCE_YOUR_CALM,
        Buffer.concat([
          frame(Frame.HEADERS, 0, 1),
          ...Array.from({ length: 5 }, () => frame(Frame.CONTINUATION, 0, 1, Buffer.alloc(60_000, 0x82))),
        ]),
      ],
      'ENHANCE_YOUR_CALM on a flood of empty data': [
        Code.ENHANCE_YOUR_CALM,
        Buffer.concat([headersFrame(1, RESPONSE), ...Array.from({ length: 1_002 }, () => frame(Frame.DATA, 0, 1))]),
      ],
    };
    for (const [what, [code, frames]] of Object.entries(cases)) {
      it(what, async () => {
        await start((connection) => void connection.take(Frame.DATA).then(() => connection.send(frames)));
        assert.equal(await codeOf(send()), 'UPSTREAM_UNREACHABLE');
        const said = await peer.connections[0]?.take(Frame.GOAWAY);
        assert.equal(said?.payload.readUInt32BE(4), code);
        await peer.connections[0]?.closed;
      });
    }

    it('PROTOCOL_ERROR on a first frame that is not SETTINGS', async () => {
      await start((connection) => connection.send(frame(Frame.PING, 0, 0, Buffer.alloc(8))), { settings: undefined });
      assert.equal(await codeOf(send()), 'UPSTREAM_UNREACHABLE');
      assert.equal((await peer.connections[0]?.take(Frame.GOAWAY))?.payload.readUInt32BE(4), Code.PROTOCOL_ERROR);
    });

    it('FRAME_SIZE_ERROR or PROTOCOL_ERROR on a server that speaks HTTP/1', async () => {
      await start((connection) => connection.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), {
        settings: undefined,
      });
      assert.equal(await codeOf(send()), 'UPSTREAM_UNREACHABLE');
      await peer.connections[0]?.closed;
    });

    it('FLOW_CONTROL_ERROR on more data than the window has, of one stream only that stream', async () => {
      await start(async (connection) => {
        await connection.take(Frame.DATA);
        await connection.take(Frame.DATA);
        connection.send(headersFrame(1, RESPONSE), messageFrame(1, MESSAGE));
        for (let sent = 0; sent < 1_100_000; sent += 60_000)
          connection.send(frame(Frame.DATA, 0, 1, Buffer.alloc(60_000)));
        connection.send(answer(3, MESSAGE));
      });
      const stream = client.stream('/s/m', MESSAGE, { deadlineMs: Number.POSITIVE_INFINITY, metadata: undefined });
      const unary = send();
      const reader = stream.messages[Symbol.asyncIterator]();
      assert.equal(await codeOf(unary), 'OK');
      assert.equal(
        (await peer.connections[0]?.take(Frame.RST_STREAM))?.payload.readUInt32BE(0),
        Code.FLOW_CONTROL_ERROR,
      );
      await assert.rejects(
        (async () => {
          while (!(await reader.next()).done);
        })(),
        { code: 'UPSTREAM_UNREACHABLE' },
      );
    });
  });

  it('reads padding, priority, CONTINUATION, unknown frames and unknown settings', async () => {
    const headers = block(RESPONSE);
    const message = Buffer.concat([Buffer.from([0, 0, 0, 0, MESSAGE.length]), MESSAGE]);
    await start(async (connection) => {
      await connection.take(Frame.DATA);
      connection.send(
        settingsFrame([99, 1], [Setting.MAX_HEADER_LIST_SIZE, 70_000]),
        frame(77, 0xff, 1, Buffer.from('unknown')),
        frame(
          Frame.HEADERS,
          Flag.PADDED | Flag.PRIORITY,
          1,
          Buffer.concat([Buffer.from([3]), Buffer.alloc(5), headers.subarray(0, 2), Buffer.alloc(3)]),
        ),
        frame(Frame.CONTINUATION, 0, 1, headers.subarray(2, 4)),
        frame(Frame.CONTINUATION, Flag.END_HEADERS, 1, headers.subarray(4)),
        frame(Frame.DATA, Flag.PADDED, 1, Buffer.concat([Buffer.from([4]), message.subarray(0, 3), Buffer.alloc(4)])),
        frame(Frame.PRIORITY, 0, 1, Buffer.alloc(5)),
        frame(Frame.DATA, 0, 1, message.subarray(3)),
        headersFrame(1, { 'grpc-status': '0', 'x-trailer': 'a', 'x-data-bin': 'AAA' }, Flag.END_STREAM),
      );
    });
    const { response, trailers } = await send().answer;
    assert.equal(response.toString(), 'message');
    assert.deepEqual(trailers, { 'x-trailer': 'a' });
  });

  it('answers pings with what they say, and settings', async () => {
    await start(() => {});
    const call = send();
    call.answer.catch(() => {}); // ends with the test
    const [connection] = await until(() => peer.connections);
    connection?.send(frame(Frame.PING, 0, 0, Buffer.from('12345678')));
    const said = await connection?.take(Frame.PING);
    assert.deepEqual([said?.flags, said?.payload.toString()], [Flag.ACK, '12345678']);
    assert.ok(connection?.frames.some(({ type, flags }) => type === Frame.SETTINGS && flags === Flag.ACK));
    call.cancel(new (await import('../../../chassis/errors.js')).MeshError('CANCELLED', 'over'));
  });

  it('pings a silent peer, keeps one that answers, and gives up one that does not', async () => {
    const clock = createVirtualClock();
    await start(() => {}, { clock });
    const call = send();
    const outcome = codeOf(call);
    const [connection] = await until(() => peer.connections);
    await connection?.take(Frame.DATA);
    await clock.advance(10_000); // it said SETTINGS in this time
    await clock.advance(10_000);
    await connection?.take(Frame.PING);
    connection?.send(frame(Frame.PING, Flag.ACK, 0, Buffer.alloc(8)));
    await until(() => (client.connected ? [1] : []));
    for (let turn = 0; turn < 5; turn++) await settle();
    await clock.advance(2_000); // it was heard: the next look is in 10 s
    assert.ok(client.connected);
    await clock.advance(20_000);
    await connection?.take(Frame.PING);
    await clock.advance(2_000);
    assert.equal(await outcome, 'UPSTREAM_UNREACHABLE');
    await connection?.closed;
  });

  it('keeps within the windows the peer gives, as they change', async () => {
    await start(
      async (connection) => {
        const first = await connection.take(Frame.DATA);
        assert.equal(first.payload.length, 10);
        connection.send(settingsFrame([Setting.INITIAL_WINDOW_SIZE, 25]));
        assert.equal((await connection.take(Frame.DATA)).payload.length, 15);
        connection.send(settingsFrame([Setting.INITIAL_WINDOW_SIZE, 5])); // 20 below zero now
        connection.send(frame(Frame.WINDOW_UPDATE, 0, 1, u32(20)));
        connection.send(frame(Frame.WINDOW_UPDATE, 0, 1, u32(7)));
        assert.equal((await connection.take(Frame.DATA)).payload.length, 7);
        connection.send(frame(Frame.WINDOW_UPDATE, 0, 1, u32(1_000)));
        const last = await connection.take(Frame.DATA);
        assert.deepEqual([last.payload.length, last.flags], [73, Flag.END_STREAM]);
        connection.send(answer(1, MESSAGE));
      },
      { settings: settingsFrame([Setting.INITIAL_WINDOW_SIZE, 10]) },
    );
    assert.equal(await codeOf(send('x'.repeat(100))), 'OK');
  });

  it('gives the peer its window back in large pieces', async () => {
    await start(async (connection) => {
      await connection.take(Frame.WINDOW_UPDATE); // the connection's, at the start
      await connection.take(Frame.DATA);
      const prefix = Buffer.from([0, 0, 0x0c, 0x35, 0x00]); // 800,000
      connection.send(headersFrame(1, RESPONSE), frame(Frame.DATA, 0, 1, prefix));
      for (let sent = 0; sent < 800_000; sent += 50_000) connection.send(frame(Frame.DATA, 0, 1, Buffer.alloc(50_000)));
      const update = await connection.take(Frame.WINDOW_UPDATE);
      assert.equal(update.id, 1);
      assert.ok(update.payload.readUInt32BE(0) >= 512 * 1_024);
      connection.send(headersFrame(1, { 'grpc-status': '0' }, Flag.END_STREAM));
    }, {});
    assert.equal((await send().answer).response.length, 800_000);
  });

  it('opens no more streams than the peer takes, and more when it takes more', async () => {
    const seen: number[] = [];
    await start(
      (connection) => {
        void (async () => {
          for (let each = 0; each < 4; each++) seen.push((await connection.take(Frame.DATA)).id);
        })();
      },
      { settings: settingsFrame([Setting.MAX_CONCURRENT_STREAMS, 2]) },
    );
    const calls = Array.from({ length: 4 }, () => codeOf(send()));
    await until(() => (seen.length === 2 ? seen : []));
    await settle();
    assert.deepEqual(seen, [1, 3]);
    peer.connections[0]?.send(answer(1, MESSAGE));
    await until(() => (seen.length === 3 ? seen : []));
    peer.connections[0]?.send(settingsFrame([Setting.MAX_CONCURRENT_STREAMS, 10]));
    await until(() => (seen.length === 4 ? seen : []));
    peer.connections[0]?.send(answer(3, MESSAGE), answer(5, MESSAGE), answer(7, MESSAGE));
    assert.deepEqual(await Promise.all(calls), ['OK', 'OK', 'OK', 'OK']);
  });

  it('refuses calls beyond 1000 that wait, as OVERLOADED', async () => {
    await start(() => {}, { settings: settingsFrame([Setting.MAX_CONCURRENT_STREAMS, 0]) });
    const calls = Array.from({ length: 1_001 }, () => codeOf(send()));
    assert.equal(await calls[1_000], 'OVERLOADED');
    client.close();
    assert.equal(await calls[0], 'UPSTREAM_UNREACHABLE');
  });

  it('sends the calls that a GOAWAY left out again, once, on a new connection, and lets the others end', async () => {
    await start(async (connection) => {
      const number = peer.connections.length;
      await connection.take(Frame.DATA);
      await connection.take(Frame.DATA);
      if (number === 1) {
        await connection.take(Frame.DATA);
        connection.send(goaway(1, Code.NO_ERROR), answer(1, MESSAGE));
      } else connection.send(goaway(0, Code.NO_ERROR));
    });
    const calls = [send('a'), send('b'), send('c')].map(codeOf);
    assert.deepEqual(await Promise.all(calls), ['OK', 'UPSTREAM_UNREACHABLE', 'UPSTREAM_UNREACHABLE']);
    assert.equal(peer.connections.length, 2);
    await peer.connections[0]?.closed;
  });

  it('sends a refused stream again, once', async () => {
    await start(async (connection) => {
      for (let each = 0; each < 3; each++) {
        const { id } = await connection.take(Frame.DATA);
        if (id === 3) connection.send(answer(3, MESSAGE));
        else connection.send(frame(Frame.RST_STREAM, 0, id, u32(Code.REFUSED_STREAM)));
      }
    });
    assert.equal(await codeOf(send()), 'OK');
    assert.deepEqual(
      peer.connections[0]?.frames.filter(({ type }) => type === Frame.DATA).map(({ id }) => id),
      [1, 3],
    );
  });

  it('does not reset what is late: the peer has the same deadline; only what lingers for a second', async () => {
    const clock = createVirtualClock();
    await start(() => {}, { clock });
    const outcome = codeOf(send('late', clock.now() + 100));
    const [connection] = await until(() => peer.connections);
    await connection?.take(Frame.DATA);
    await clock.advance(100);
    assert.equal(await outcome, 'DEADLINE_EXCEEDED');
    for (let turn = 0; turn < 5; turn++) await settle();
    assert.ok(!connection?.frames.some(({ type }) => type === Frame.RST_STREAM));
    await clock.advance(1_000);
    assert.equal((await connection?.take(Frame.RST_STREAM))?.payload.readUInt32BE(0), Code.CANCEL);
  });

  it('stops resetting cancelled streams before nghttp2 would close the connection', async () => {
    const clock = createVirtualClock();
    const { MeshError } = await import('../../../chassis/errors.js');
    await start(() => {}, { clock });
    const calls = Array.from({ length: 1_000 }, () => send());
    const outcomes = calls.map(codeOf);
    const [connection] = await until(() => peer.connections);
    await until(() => connection?.frames.filter(({ id }) => id === 1_999) ?? []);
    for (const call of calls) call.cancel(new MeshError('CANCELLED', 'the caller left'));
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(['CANCELLED']));
    const ping = send('after the resets');
    ping.answer.catch(() => {}); // ends with the test
    await until(() => connection?.frames.filter(({ id }) => id === 2_001) ?? []);
    assert.equal(connection?.frames.filter(({ type }) => type === Frame.RST_STREAM).length, 900);
  });

  it('backs off while the address refuses, and connects at once after', async () => {
    const clock = createVirtualClock();
    await start((connection) => connection.socket.resetAndDestroy(), { clock, settings: undefined });
    assert.equal(await codeOf(send()), 'UPSTREAM_UNREACHABLE');
    assert.equal(await codeOf(send()), 'UPSTREAM_UNREACHABLE');
    assert.equal(peer.connections.length, 1, 'the second call did not even try');
    await clock.advance(100);
    assert.equal(await codeOf(send()), 'UPSTREAM_UNREACHABLE');
    assert.equal(peer.connections.length, 2);
    await clock.advance(100);
    assert.equal(await codeOf(send()), 'UPSTREAM_UNREACHABLE');
    assert.equal(peer.connections.length, 2, 'the wait has grown');
  });

  it('gives up a connection that says nothing for 5 s', async () => {
    const clock = createVirtualClock();
    await start(() => {}, { clock, settings: undefined });
    const outcome = codeOf(send());
    await until(() => peer.connections);
    for (let turn = 0; turn < 5; turn++) await settle();
    await clock.advance(5_000);
    assert.equal(await outcome, 'UPSTREAM_UNREACHABLE');
  });

  const answers: Record<string, [code: string, frames: (id: number) => Buffer]> = {
    'trailers alone': [
      'FIELD_INVALID',
      () => headersFrame(1, { ...RESPONSE, 'grpc-status': '3', 'grpc-message': 'a%20b' }, Flag.END_STREAM),
    ],
    'HTTP 404': ['METHOD_UNKNOWN', () => headersFrame(1, { ':status': '404' })],
    'HTTP 503': ['UPSTREAM_UNREACHABLE', () => headersFrame(1, { ':status': '503' }, Flag.END_STREAM)],
    'HTTP 401': ['UNAUTHENTICATED', () => headersFrame(1, { ':status': '401' })],
    HTML: ['UPSTREAM_INVALID', () => headersFrame(1, { ':status': '200', 'content-type': 'text/html' })],
    'data before headers': ['UPSTREAM_INVALID', () => messageFrame(1, MESSAGE)],
    'no message': [
      'UPSTREAM_INVALID',
      () => Buffer.concat([headersFrame(1, RESPONSE), headersFrame(1, { 'grpc-status': '0' }, Flag.END_STREAM)]),
    ],
    'two messages': [
      'UPSTREAM_INVALID',
      () => Buffer.concat([headersFrame(1, RESPONSE), messageFrame(1, MESSAGE), messageFrame(1, MESSAGE)]),
    ],
    'an end in the middle of a message': [
      'UPSTREAM_INVALID',
      () =>
        Buffer.concat([
          headersFrame(1, RESPONSE),
          frame(Frame.DATA, 0, 1, Buffer.from([0, 0, 0, 0, 9, 1])),
          headersFrame(1, { 'grpc-status': '0' }, Flag.END_STREAM),
        ]),
    ],
    'an end without trailers': [
      'UPSTREAM_UNREACHABLE',
      () => Buffer.concat([headersFrame(1, RESPONSE), messageFrame(1, MESSAGE, Flag.END_STREAM)]),
    ],
    'a compressed message': [
      'UPSTREAM_INVALID',
      () => Buffer.concat([headersFrame(1, RESPONSE), frame(Frame.DATA, 0, 1, Buffer.from([1, 0, 0, 0, 0]))]),
    ],
    'a message that is too large': [
      'MESSAGE_TOO_LARGE',
      () => Buffer.concat([headersFrame(1, RESPONSE), frame(Frame.DATA, 0, 1, Buffer.from([0, 1, 0, 0, 0]))]),
    ],
    'a header list that is too long': [
      'UPSTREAM_INVALID',
      () =>
        headersFrame(1, {
          ...RESPONSE,
          ...Object.fromEntries(Array.from({ length: 600 }, (_, at) => [`x-${at}`, 'v'.repeat(80)])),
        }),
    ],
    'a header name in capitals': ['UPSTREAM_UNREACHABLE', () => headersFrame(1, { ...RESPONSE, 'X-Loud': 'a' })],
    'a pseudo-header at the end': [
      'UPSTREAM_UNREACHABLE',
      () => headersFrame(1, { 'content-type': 'application/grpc', ':status': '200' }),
    ],
    'a status that is no number': [
      'INTERNAL',
      () => headersFrame(1, { ...RESPONSE, 'grpc-status': 'x' }, Flag.END_STREAM),
    ],
    'a reset with CANCEL': ['CANCELLED', () => frame(Frame.RST_STREAM, 0, 1, u32(Code.CANCEL))],
    'a reset with ENHANCE_YOUR_CALM': ['OVERLOADED', () => frame(Frame.RST_STREAM, 0, 1, u32(Code.ENHANCE_YOUR_CALM))],
    'a reset with INADEQUATE_SECURITY': [
      'PERMISSION_DENIED',
      () => frame(Frame.RST_STREAM, 0, 1, u32(Code.INADEQUATE_SECURITY)),
    ],
    'a reset with INTERNAL_ERROR': [
      'UPSTREAM_UNREACHABLE',
      () => frame(Frame.RST_STREAM, 0, 1, u32(Code.INTERNAL_ERROR)),
    ],
  };
  for (const [what, [code, frames]] of Object.entries(answers)) {
    it(`makes ${code} of ${what}, and the connection lives on`, async () => {
      await start(async (connection) => {
        await connection.take(Frame.DATA);
        connection.send(frames(1));
        const { id } = await connection.take(Frame.DATA);
        connection.send(answer(id, MESSAGE));
      });
      assert.equal(await codeOf(send()), code);
      assert.equal(await codeOf(send()), 'OK');
      assert.equal(peer.connections.length, 1);
    });
  }

  it('refuses metadata that would break the stream', async () => {
    await start(() => {});
    for (const metadata of [{ 'x-a': 'a\nb' }, { 'x-a': 'ä' }, { 'X-A': 'a' }, { ':path': 'a' }]) {
      const call = client.unary('/s/m', MESSAGE, { deadlineMs: Number.POSITIVE_INFINITY, metadata });
      assert.equal(await codeOf(call), 'FIELD_INVALID');
    }
  });
});

/** Resolves once it returns something; bounded by the test's time. */
async function until<T>(look: () => readonly T[]): Promise<readonly T[]> {
  for (;;) {
    const found = look();
    if (found.length > 0) return found;
    await settle();
  }
}
