/**
 * What leaves a connection: headers, messages as far as the peer's windows and the socket let them, and the short frames that
 * keep the connection going. What has to wait waits here, in turn.
 */
import { Flag, FRAME_BYTES, Frame, WINDOW_BYTES, WINDOW_BYTES_MAX } from './codes.js';
import { HpackEncoder } from './hpack-encoder.js';
import { Output, type Sink } from './output.js';
import type { Stream } from './stream.js';

/** Words in a GOAWAY that are sent. */
const TEXT_BYTES_MAX = 200;

export class Sender {
  readonly encoder = new HpackEncoder();
  /** What the peer said in its settings. */
  frameBytesMax = FRAME_BYTES;
  #streamWindow = WINDOW_BYTES;
  /** Bytes the peer lets us send on all streams together. */
  #window = WINDOW_BYTES;
  readonly #out: Output;
  readonly #onEnded: (stream: Stream) => void;
  /** Streams with bytes that wait for a window or for the socket, in turn. */
  readonly #blocked = new Set<Stream>();

  /** `onEnded`: the last frame of a stream was sent. */
  constructor(sink: Sink, onEnded: (stream: Stream) => void) {
    this.#out = new Output(sink);
    this.#onEnded = onEnded;
  }

  /** Bytes that wait to be written, those of streams that wait for a window apart. */
  get waitingBytes(): number {
    return this.#out.waitingBytes;
  }

  /** A stream was opened. */
  register(stream: Stream): void {
    stream.sendWindow = this.#streamWindow;
  }

  /** A stream is over: what it still had to send is not sent. */
  forget(stream: Stream): void {
    if (!stream.waiting) return;
    stream.waiting = undefined;
    this.#blocked.delete(stream);
  }

  /** Sends what the encoder has written as a stream's headers. */
  headers(stream: Stream, end: boolean): void {
    const { encoder } = this;
    const most = this.frameBytesMax;
    let from = 0;
    let type: number = Frame.HEADERS;
    let flags: number = end ? Flag.END_STREAM : 0;
    do {
      const to = Math.min(encoder.length, from + most);
      if (to === encoder.length) flags |= Flag.END_HEADERS;
      const at = this.#out.frame(to - from, type, flags, stream.id);
      encoder.bytes.copy(this.#out.page, at, from, to);
      from = to;
      type = Frame.CONTINUATION;
      flags = 0;
    } while (from < encoder.length);
    if (end) this.#ended(stream);
  }

  /** Ends a stream with the headers that `write` writes, after what waits. */
  trailers(stream: Stream, write: (encoder: HpackEncoder) => void): void {
    if (stream.waiting) {
      stream.waiting.trailers = write;
      return;
    }
    this.encoder.begin();
    write(this.encoder);
    this.headers(stream, true);
  }

  /** Sends a gRPC message: five bytes of length and flag, then `message`. False where it has to wait: `onDrain` says when it has gone. */
  message(stream: Stream, message: Buffer, end: boolean): boolean {
    const bytes = 5 + message.length;
    if (
      stream.waiting === undefined &&
      bytes <= stream.sendWindow &&
      bytes <= this.#window &&
      bytes <= this.frameBytesMax &&
      !this.#out.full
    ) {
      stream.sendWindow -= bytes;
      this.#window -= bytes;
      const at = this.#out.frame(bytes, Frame.DATA, end ? Flag.END_STREAM : 0, stream.id, 5);
      writePrefix(this.#out.page, at, message.length);
      this.#out.append(message);
      if (end) this.#ended(stream);
      return true;
    }
    const prefix = Buffer.allocUnsafe(5);
    writePrefix(prefix, 0, message.length);
    stream.waiting ??= { parts: [], sent: 0, bytes: 0, end: false, trailers: undefined };
    stream.waiting.parts.push(prefix, message);
    stream.waiting.bytes += bytes;
    stream.waiting.end = end;
    this.#blocked.add(stream);
    this.#pump(stream);
    return stream.waiting === undefined;
  }

  /** Nothing more will be sent on it. */
  end(stream: Stream): void {
    if (stream.localEnded) return;
    if (stream.waiting) stream.waiting.end = true;
    else {
      this.#out.frame(0, Frame.DATA, Flag.END_STREAM, stream.id);
      this.#ended(stream);
    }
  }

  pumpAll(): void {
    for (const stream of [...this.#blocked]) {
      if (this.#window === 0 || this.#out.full) return;
      this.#pump(stream);
    }
  }

  /** More of the connection's window. False where it would be beyond any limit. */
  widen(bytes: number): boolean {
    this.#window += bytes;
    if (this.#window > WINDOW_BYTES_MAX) return false;
    this.pumpAll();
    return true;
  }

  /** More of a stream's window. False where it would be beyond any limit. */
  widenStream(stream: Stream, bytes: number): boolean {
    stream.sendWindow += bytes;
    if (stream.sendWindow > WINDOW_BYTES_MAX) return false;
    this.#pump(stream);
    return true;
  }

  /** The window that streams begin with has changed, for those that are open too. False where one would be beyond any limit. */
  resizeWindows(bytes: number, streams: Iterable<Stream>): boolean {
    const more = bytes - this.#streamWindow;
    this.#streamWindow = bytes;
    for (const stream of streams) {
      stream.sendWindow += more;
      if (stream.sendWindow > WINDOW_BYTES_MAX) return false;
    }
    this.pumpAll();
    return true;
  }

  /** Sends what waits on a stream, as far as the windows and the socket let it. */
  #pump(stream: Stream): void {
    const { waiting } = stream;
    if (!waiting) return;
    do {
      const bytes = Math.min(waiting.bytes, stream.sendWindow, this.#window, this.frameBytesMax);
      if ((bytes <= 0 && waiting.bytes > 0) || this.#out.full) return;
      stream.sendWindow -= bytes;
      this.#window -= bytes;
      waiting.bytes -= bytes;
      const last = waiting.end && waiting.bytes === 0;
      this.#out.frame(bytes, Frame.DATA, last ? Flag.END_STREAM : 0, stream.id, 0);
      for (let left = bytes; left > 0; ) {
        const part = waiting.parts[0] as Buffer;
        const to = Math.min(part.length, waiting.sent + left);
        this.#out.append(part.subarray(waiting.sent, to));
        left -= to - waiting.sent;
        waiting.sent = to;
        if (to < part.length) continue;
        waiting.parts.shift();
        waiting.sent = 0;
      }
    } while (waiting.bytes > 0);
    stream.waiting = undefined;
    this.#blocked.delete(stream);
    if (waiting.trailers) this.trailers(stream, waiting.trailers);
    else if (waiting.end) this.#ended(stream);
    stream.onDrain();
  }

  bytes(bytes: Buffer): void {
    this.#out.append(bytes);
  }

  settings(settings: readonly (readonly [name: number, value: number])[]): void {
    let at = this.#out.frame(settings.length * 6, Frame.SETTINGS, 0, 0);
    for (const [name, value] of settings) {
      this.#out.page.writeUInt16BE(name, at);
      this.#out.page.writeUInt32BE(value, at + 2);
      at += 6;
    }
  }

  settingsAck(): void {
    this.#out.frame(0, Frame.SETTINGS, Flag.ACK, 0);
  }

  /** A ping of zeros. */
  ping(): void {
    const at = this.#out.frame(8, Frame.PING, 0, 0);
    this.#out.page.fill(0, at, at + 8);
  }

  /** The answer to a ping: its bytes, from `start` on. */
  pong(bytes: Buffer, start: number): void {
    const at = this.#out.frame(8, Frame.PING, Flag.ACK, 0);
    bytes.copy(this.#out.page, at, start, start + 8);
  }

  windowUpdate(id: number, bytes: number): void {
    const at = this.#out.frame(4, Frame.WINDOW_UPDATE, 0, id);
    this.#out.page.writeUInt32BE(bytes, at);
  }

  reset(id: number, code: number): void {
    const at = this.#out.frame(4, Frame.RST_STREAM, 0, id);
    this.#out.page.writeUInt32BE(code, at);
  }

  goaway(lastId: number, code: number, text: string): void {
    const said = Buffer.from(text.slice(0, TEXT_BYTES_MAX), 'latin1');
    const at = this.#out.frame(8 + said.length, Frame.GOAWAY, 0, 0);
    this.#out.page.writeUInt32BE(lastId, at);
    this.#out.page.writeUInt32BE(code, at + 4);
    said.copy(this.#out.page, at + 8);
  }

  flush(): void {
    this.#out.flush();
  }

  /** A message is whole and need not wait for the end of the turn. What ends a stream settles by itself. */
  settle(): void {
    this.#out.settle();
  }

  #ended(stream: Stream): void {
    stream.localEnded = true;
    this.#onEnded(stream);
    this.settle();
  }
}

function writePrefix(page: Buffer, at: number, length: number): void {
  page[at] = 0; // not compressed
  page[at + 1] = length >>> 24;
  page[at + 2] = length >>> 16;
  page[at + 3] = length >>> 8;
  page[at + 4] = length;
}
