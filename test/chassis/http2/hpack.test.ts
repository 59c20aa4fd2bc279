/** HPACK against the examples of RFC 7541 and against nghttp2 (node:http2) in both directions. */
import assert from 'node:assert/strict';
import { connect as connectHttp2, createServer as createHttp2Server, type IncomingHttpHeaders } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { Code, ConnectionError, Flag, Frame, PREFACE, Setting } from '../../../chassis/http2/codes.js';
import { FrameReader } from '../../../chassis/http2/frame-reader.js';
import { HpackDecoder } from '../../../chassis/http2/hpack-decoder.js';
import { HpackEncoder } from '../../../chassis/http2/hpack-encoder.js';
import { frame } from '../../kit/http2-peer.js';

const LIST_BYTES_MAX = 16_384;

/** Appendix C: blocks that one decoder reads in turn, what they say, and what the table counts after each. */
const EXAMPLES: Record<string, { tableBytes?: number; blocks: [hex: string, headers: string[], bytes: number][] }> = {
  'C.2.1, a literal with indexing': {
    blocks: [['400a637573746f6d2d6b65790d637573746f6d2d686561646572', ['custom-key', 'custom-header'], 55]],
  },
  'C.2.2, a literal without indexing': { blocks: [['040c2f73616d706c652f70617468', [':path', '/sample/path'], 0]] },
  'C.2.3, a literal never indexed': { blocks: [['100870617373776f726406736563726574', ['password', 'secret'], 0]] },
  'C.2.4, an index': { blocks: [['82', [':method', 'GET'], 0]] },
  ...Object.fromEntries(
    [
      [
        'C.3, requests',
        '828684410f7777772e6578616d706c652e636f6d',
        '828684be58086e6f2d6361636865',
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      ],
      [
        'C.4, requests with Huffman',
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ],
    ].map(([name = '', first = '', second = '', third = '']) => [
      name,
      {
        blocks: [
          [first, [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'], 57],
          [
            second,
            [
              ':method',
              'GET',
              ':scheme',
              'http',
              ':path',
              '/',
              ':authority',
              'www.example.com',
              'cache-control',
              'no-cache',
            ],
            110,
          ],
          [
            third,
            [
              ':method',
              'GET',
              ':scheme',
              'https',
              ':path',
              '/index.html',
              ':authority',
              'www.example.com',
              'custom-key',
              'custom-value',
            ],
            164,
          ],
        ],
      },
    ]),
  ),
  ...Object.fromEntries(
    [
      [
        'C.5, responses that evict',
        '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
        '4803333037c1c0bf',
        '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
      ],
      [
        'C.6, responses that evict, with Huffman',
        '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
        '4883640effc1c0bf',
        '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      ],
    ].map(([name = '', first = '', second = '', third = '']) => {
      const at = (second: string): string[] => [
        'cache-control',
        'private',
        'date',
        `Mon, 21 Oct 2013 20:13:${second} GMT`,
        'location',
        'https://www.example.com',
      ];
      const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
      return [
        name,
        {
          tableBytes: 256,
          blocks: [
            [first, [':status', '302', ...at('21')], 222],
            [second, [':status', '307', ...at('21')], 222],
            [third, [':status', '200', ...at('22'), 'content-encoding', 'gzip', 'set-cookie', cookie], 215],
          ],
        },
      ];
    }),
  ),
};

const NAME = fc.stringMatching(/^x-[a-z0-9_.-]{1,20}$/);
const VALUE = fc.stringMatching(/^([!-~]([ -~]{0,60}[!-~])?)?$/);
const HEADERS = fc.uniqueArray(fc.tuple(NAME, VALUE), { maxLength: 12, selector: ([name]) => name });

describe('HPACK', function () {
  this.timeout(30_000);

  for (const [name, { tableBytes, blocks }] of Object.entries(EXAMPLES)) {
    it(`reads the example ${name}`, () => {
      const decoder = new HpackDecoder(LIST_BYTES_MAX, tableBytes);
      for (const [hex, headers, bytes] of blocks) {
        const block = Buffer.from(hex, 'hex');
        assert.deepEqual(decoder.decode(block, 0, block.length), headers);
        assert.equal(decoder.tableBytes, bytes);
      }
    });
  }

  it('reads back what it wrote, whatever the headers, the size of the table and its changes', () => {
    const block = fc.record({
      resize: fc.option(fc.integer({ min: 0, max: 5_000 })),
      constant: HEADERS,
      varying: HEADERS,
    });
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 8 }), (blocks) => {
        const encoder = new HpackEncoder();
        const decoder = new HpackDecoder(1_000_000);
        for (const { resize, constant, varying } of blocks) {
          if (resize !== null) encoder.resize(resize);
          encoder.begin();
          for (const [name, value] of constant) encoder.constant(name, value);
          for (const [name, value] of varying) encoder.varying(name, value);
          assert.deepEqual(decoder.decode(encoder.bytes, 0, encoder.length), [...constant, ...varying].flat());
        }
      }),
    );
  });

  it('writes a repeated header list in one byte a header', () => {
    const encoder = new HpackEncoder();
    const write = (id: string): number => {
      encoder.begin();
      encoder.constant(':method', 'POST');
      encoder.constant(':path', '/plexus.v1.Embed/Embed');
      encoder.constant('te', 'trailers');
      encoder.varying('x-request-id', id);
      return encoder.length;
    };
    write('11111111');
    assert.equal(write('22222222'), 3 + 1 + 1 + 1 + 8); // three indices; pattern, rest of the name's index, length, text
  });

  it('says COMPRESSION_ERROR, and nothing else, to blocks that are not HPACK', () => {
    const cases: Record<string, string> = {
      'index 0': '80',
      'an index that is not in the table': 'be',
      'an integer that never ends': 'ffffffffffffffffff',
      'an integer that is cut off': 'ff',
      'a text that is cut off': '400a6375',
      'a text that is missing': '40',
      'a table larger than was allowed': '3fe13f',
      'a table size update after a header': '8220',
      'Huffman padding of eight bits': '4081ff00',
      'Huffman padding with a zero': '40811e00',
      'the end of string as a symbol': '4084ffffffff00',
    };
    for (const [what, hex] of Object.entries(cases)) {
      const block = Buffer.from(hex, 'hex');
      assert.throws(
        () => new HpackDecoder(LIST_BYTES_MAX).decode(block, 0, block.length),
        (error) => error instanceof ConnectionError && error.code === Code.COMPRESSION_ERROR,
        what,
      );
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          new HpackDecoder(LIST_BYTES_MAX).decode(Buffer.from(bytes), 0, bytes.length);
        } catch (error) {
          assert.ok(error instanceof ConnectionError, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not keep a list that is longer than the limit, but keeps the table in step', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(200);
    encoder.begin();
    encoder.constant('x-kept', 'value');
    encoder.varying('x-long', 'v'.repeat(300));
    assert.equal(decoder.decode(encoder.bytes, 0, encoder.length), undefined);
    encoder.begin();
    encoder.constant('x-kept', 'value');
    assert.deepEqual(decoder.decode(encoder.bytes, 0, encoder.length), ['x-kept', 'value']);
  });

  it('reads what nghttp2 writes', async () => {
    const lists: (readonly string[])[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      const decoder = new HpackDecoder(1_000_000);
      let preface = PREFACE.length;
      const reader = new FrameReader(16_384, (type, flags, id, bytes, start, end) => {
        if (type === Frame.SETTINGS && !(flags & Flag.ACK)) socket.write(frame(Frame.SETTINGS, Flag.ACK, 0));
        if (type !== Frame.HEADERS) return;
        const priority = flags & Flag.PRIORITY ? 5 : 0;
        lists.push(decoder.decode(bytes, start + priority, end) ?? []);
        socket.write(frame(Frame.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, id, Buffer.from([0x88])));
      });
      socket.write(frame(Frame.SETTINGS, 0, 0));
      socket.on('data', (chunk: Buffer) => {
        const skip = Math.min(preface, chunk.length);
        preface -= skip;
        reader.push(chunk.subarray(skip));
      });
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await fc.assert(
      fc.asyncProperty(HEADERS, async (headers) => {
        const request = session.request({ ':path': '/p', ...Object.fromEntries(headers) }, { endStream: true });
        request.resume();
        await new Promise((resolve) => request.once('close', resolve));
        const seen = new Map<string, string>();
        const list = lists.at(-1) ?? [];
        for (let at = 0; at < list.length; at += 2) seen.set(list[at] as string, list[at + 1] as string);
        for (const [name, value] of headers) assert.equal(seen.get(name), value);
      }),
      { numRuns: 200 },
    );
    session.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('writes what nghttp2 reads, whatever table it asks for', async () => {
    for (const headerTableSize of [0, 100, 4_096, 65_536]) {
      const server = createHttp2Server({ settings: { headerTableSize } });
      let received: ((headers: IncomingHttpHeaders) => void) | undefined;
      server.on('stream', (stream, headers) => {
        stream.respond({ ':status': 200 }, { endStream: true });
        received?.(headers);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      const encoder = new HpackEncoder();
      const settled = new Promise<void>((resolve) => {
        const reader = new FrameReader(16_384, (type, flags, _id, bytes, start, end) => {
          if (type !== Frame.SETTINGS || flags & Flag.ACK) return;
          for (let at = start; at < end; at += 6)
            if (bytes.readUInt16BE(at) === Setting.HEADER_TABLE_SIZE) encoder.resize(bytes.readUInt32BE(at + 2));
          socket.write(frame(Frame.SETTINGS, Flag.ACK, 0));
          resolve();
        });
        socket.on('data', (chunk: Buffer) => reader.push(chunk));
      });
      socket.write(Buffer.concat([PREFACE, frame(Frame.SETTINGS, 0, 0)]));
      await settled;
      let id = -1;
      await fc.assert(
        fc.asyncProperty(HEADERS, HEADERS, async (constant, varying) => {
          const names = new Set(constant.map(([name]) => name));
          const others = varying.filter(([name]) => !names.has(name));
          encoder.begin();
          encoder.constant(':method', 'POST');
          encoder.constant(':scheme', 'http');
          encoder.constant(':path', '/p');
          encoder.constant(':authority', 'a');
          for (const [name, value] of constant) encoder.constant(name, value);
          for (const [name, value] of others) encoder.varying(name, value);
          id += 2;
          const headers = new Promise<IncomingHttpHeaders>((resolve) => {
            received = resolve;
          });
          const block = Buffer.from(encoder.bytes.subarray(0, encoder.length));
          socket.write(frame(Frame.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, id, block));
          const seen = await headers;
          for (const [name, value] of [...constant, ...others]) assert.equal(seen[name], value);
        }),
        { numRuns: 100 },
      );
      socket.destroy();
      server.close();
    }
  });
});
