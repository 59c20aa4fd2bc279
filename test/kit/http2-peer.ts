/** The other end of an HTTP/2 connection, by hand: sends any bytes, notes every frame it gets. For what no real peer would do. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Flag, Frame, PREFACE } from '../../chassis/http2/codes.js';
import { FrameReader } from '../../chassis/http2/frame-reader.js';
import { HpackEncoder } from '../../chassis/http2/hpack-encoder.js';

export interface SeenFrame {
  type: number;
  flags: number;
  id: number;
  payload: Buffer;
}

/** One connection of the peer. */
export interface PeerConnection {
  readonly frames: SeenFrame[];
  send(...parts: readonly Buffer[]): void;
  /** Resolves with the next frame (or one already there, not yet taken) of the type. */
  take(type: number): Promise<SeenFrame>;
  readonly closed: Promise<void>;
  readonly socket: Socket;
}

export interface Http2Peer {
  readonly address: string;
  readonly connections: readonly PeerConnection[];
  stop(): Promise<void>;
}

/** A server that says SETTINGS (unless told not to) and leaves the rest to `onConnection`. */
export async function startHttp2Peer(
  onConnection: (connection: PeerConnection) => void,
  options: { settings?: Buffer | undefined } = {},
): Promise<Http2Peer> {
  const connections: PeerConnection[] = [];
  const server = createServer((socket) => {
    const frames: SeenFrame[] = [];
    const taken = new Set<SeenFrame>();
    const waiting = new Set<() => void>();
    let preface = PREFACE.length;
    const reader = new FrameReader(2 ** 24, (type, flags, id, bytes, start, end) => {
      frames.push({ type, flags, id, payload: Buffer.from(bytes.subarray(start, end)) });
      for (const look of [...waiting]) look();
    });
    socket.on('data', (chunk: Buffer) => {
      const skip = Math.min(preface, chunk.length);
      preface -= skip;
      reader.push(chunk.subarray(skip));
    });
    socket.on('error', () => {});
    socket.setNoDelay(true);
    const connection: PeerConnection = {
      frames,
      socket,
      send: (...parts) => void socket.write(Buffer.concat(parts)),
      take: (type) =>
        new Promise((resolve, reject) => {
          const look = (): void => {
            const found = frames.find((each) => each.type === type && !taken.has(each));
            if (!found) return;
            taken.add(found);
            waiting.delete(look);
            resolve(found);
          };
          waiting.add(look);
          socket.once('close', () => {
            if (waiting.has(look)) look();
            reject(new Error(`closed without a frame of type ${type}`));
          });
          look();
        }),
      closed: new Promise((resolve) => socket.once('close', () => resolve())),
    };
    connections.push(connection);
    const settings = 'settings' in options ? options.settings : frame(Frame.SETTINGS, 0, 0);
    if (settings) connection.send(settings);
    onConnection(connection);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const { socket } of connections) socket.destroy();
      }),
  };
}

/** A frame as bytes. */
export function frame(type: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** SETTINGS of pairs of number and value. */
export function settingsFrame(...settings: readonly (readonly [number, number])[]): Buffer {
  return frame(
    Frame.SETTINGS,
    0,
    0,
    Buffer.concat(
      settings.map(([name, value]) => {
        const each = Buffer.alloc(6);
        each.writeUInt16BE(name, 0);
        each.writeUInt32BE(value, 2);
        return each;
      }),
    ),
  );
}

/** A header block without state: nothing is added to the table. */
export function block(headers: Readonly<Record<string, string>>): Buffer {
  const encoder = new HpackEncoder();
  encoder.resize(0);
  encoder.begin();
  encoder.length = 0; // the size update: the peer's table is empty anyway
  for (const [name, value] of Object.entries(headers)) encoder.varying(name, value);
  return Buffer.from(encoder.bytes.subarray(0, encoder.length));
}

export function headersFrame(id: number, headers: Readonly<Record<string, string>>, flags = 0): Buffer {
  return frame(Frame.HEADERS, Flag.END_HEADERS | flags, id, block(headers));
}

/** A gRPC message in a DATA frame. */
export function messageFrame(id: number, message: Buffer, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return frame(Frame.DATA, flags, id, Buffer.concat([prefix, message]));
}

export const RESPONSE = { ':status': '200', 'content-type': 'application/grpc' } as const;

/** Headers, a message, and trailers that say OK. */
export function answer(id: number, message: Buffer): Buffer {
  return Buffer.concat([
    headersFrame(id, RESPONSE),
    messageFrame(id, message),
    headersFrame(id, { 'grpc-status': '0' }, Flag.END_STREAM),
  ]);
}
