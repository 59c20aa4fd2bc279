/**
 * One HTTP/2 connection (RFC 9113), either side: frames in and out, settings, both directions of flow control, keepalive,
 * and the end of it. A peer that breaks the protocol gets GOAWAY with the code the RFC names, and every stream hears of it.
 * Streams are opened by client.ts and server.ts; HPACK, frames and writing have files of their own.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import {
  Code,
  ConnectionError,
  codeName,
  Flag,
  FRAME_BYTES,
  Frame,
  PREFACE,
  Setting,
  STREAM_ID_MAX,
  WINDOW_BYTES,
  WINDOW_BYTES_MAX,
} from './codes.js';
import { FrameReader } from './frame-reader.js';
import { type HeaderList, HpackDecoder } from './hpack-decoder.js';
import { HpackEncoder } from './hpack-encoder.js';
import { Output } from './output.js';
import type { Stream } from './stream.js';

export interface ConnectionOptions {
  role: 'client' | 'server';
  clock: Clock;
  /** Without a byte from the peer for this long, it is pinged. */
  keepaliveMs: number;
  /** An unanswered ping ends the connection after this. */
  keepaliveTimeoutMs: number;
  /** Streams the peer may have open; for a server. */
  streamsMax?: number;
}

/** What the owner of a connection hears. */
export interface ConnectionEvents {
  /** The peer's first settings are here. */
  onReady(): void;
  /** The peer changed how many streams it takes, or one has ended. */
  onRoom(): void;
  /** A client opened a stream; the server's stream for it, undefined to ignore it. */
  onStream?(id: number): Stream | undefined;
  /** The peer takes no new streams. */
  onGoaway(code: number, text: string): void;
  /** It is over; the streams know. */
  onClose(why: string): void;
}

/** Bytes a peer may send on one stream, and on all together, before we have used them up. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Frames we take: four times the least, so that a long message has fewer of them. */
const FRAME_BYTES_MAX = 64 * 1024;
const HEADER_LIST_BYTES_MAX = 64 * 1024;
/** A block that is longer is no header list but an attack. */
const HEADER_BLOCK_BYTES_MAX = 128 * 1024;
const CONTINUATIONS_MAX = 64;
/** Data frames without data in a row. */
const EMPTY_FRAMES_MAX = 1_000;
/** Answers to pings and settings that the peer does not read. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;
/** Words in a GOAWAY that are read or written. */
const TEXT_BYTES_MAX = 200;
/** How long a connection that says goodbye may take to be gone. */
const GOODBYE_MS = 1_000;

export class Connection {
  readonly encoder = new HpackEncoder();
  readonly streams = new Map<number, Stream>();
  /** What the peer said in its settings. */
  peerStreamsMax = Number.POSITIVE_INFINITY;
  peerHeaderListBytesMax = Number.POSITIVE_INFINITY;
  #peerWindowBytes = WINDOW_BYTES;
  #peerFrameBytes = FRAME_BYTES;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #out: Output;
  readonly #reader: FrameReader;
  readonly #decoder = new HpackDecoder(HEADER_LIST_BYTES_MAX);
  #sendWindow = WINDOW_BYTES;
  #receiveWindow = CONNECTION_WINDOW_BYTES;
  #uncreditedBytes = 0;
  /** Streams with bytes that wait for a window or for the socket, in turn. */
  readonly #blocked = new Set<Stream>();
  /** The highest stream the peer opened, and the one we did. */
  #lastRemoteId = 0;
  #lastLocalId: number;
  /** A header block whose end has not come. */
  #block: { id: number; end: boolean; parts: Buffer[]; bytes: number } | undefined;
  #preface: Buffer | undefined;
  #settled = false;
  #emptyFrames = 0;
  /** open: new streams. draining: those open may end. closed: nothing. */
  #state: 'open' | 'draining' | 'closed' = 'open';
  #goawaySent = false;
  #heard = true;
  #cancelKeepalive: () => void;
  #cancelGoodbye = (): void => {};

  constructor(socket: Socket, options: ConnectionOptions, events: ConnectionEvents) {
    this.#socket = socket;
    this.#options = options;
    this.#events = events;
    this.#out = new Output(socket);
    this.#reader = new FrameReader(FRAME_BYTES_MAX, this.#onFrame);
    this.#lastLocalId = options.role === 'client' ? -1 : 0;
    if (options.role === 'server') this.#preface = PREFACE;
    else this.#out.append(PREFACE);
    this.#sendSettings();
    this.#out.flush();
    this.#cancelKeepalive = options.clock.after(options.keepaliveMs, this.#onKeepalive);
    socket.on('data', this.#onBytes);
    socket.on('drain', () => this.#pumpAll());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#finish(error.code ?? error.message));
    socket.on('end', () => this.#finish('the peer closed the connection'));
    socket.on('close', () => this.#finish('the connection was closed'));
  }

  /** True where new streams may be opened. */
  get open(): boolean {
    return this.#state === 'open';
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** Streams that may be opened now. */
  get room(): number {
    if (this.#state !== 'open') return 0;
    return this.peerStreamsMax - this.streams.size;
  }

  /** Gives a client's stream the next number. Send its headers at once: numbers must reach the peer in order. */
  add(stream: Stream): void {
    this.#lastLocalId += 2;
    this.#register(stream, this.#lastLocalId);
    if (this.#lastLocalId < STREAM_ID_MAX - 2) return;
    this.#events.onGoaway(Code.NO_ERROR, 'no stream numbers are left'); // the next call opens another connection
    this.close();
  }

  /** Sends what the encoder has written as a stream's headers. */
  sendHeaders(stream: Stream, end: boolean): void {
    const { encoder } = this;
    const most = this.#peerFrameBytes;
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
    if (end) this.#localEnd(stream);
  }

  /** Sends a gRPC message: five bytes of length and flag, then `message`. False where it has to wait: `onDrain` says when it has gone. */
  sendMessage(stream: Stream, message: Buffer, end: boolean): boolean {
    const bytes = 5 + message.length;
    if (
      stream.waiting === undefined &&
      bytes <= stream.sendWindow &&
      bytes <= this.#sendWindow &&
      bytes <= this.#peerFrameBytes &&
      !this.#out.full
    ) {
      stream.sendWindow -= bytes;
      this.#sendWindow -= bytes;
      const at = this.#out.frame(bytes, Frame.DATA, end ? Flag.END_STREAM : 0, stream.id, 5);
      writePrefix(this.#out.page, at, message.length);
      this.#out.append(message);
      if (end) this.#localEnd(stream);
      return true;
    }
    const prefix = Buffer.allocUnsafe(5);
    writePrefix(prefix, 0, message.length);
    stream.waiting ??= { parts: [], sent: 0, bytes: 0, end: false };
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
      this.#localEnd(stream);
    }
  }

  /** Bytes of the stream have been used up: the peer may send as many again. */
  credit(stream: Stream, bytes: number): void {
    stream.uncreditedBytes += bytes;
    if (stream.remoteEnded || stream.uncreditedBytes < STREAM_WINDOW_BYTES / 2) return;
    if (this.streams.get(stream.id) !== stream) return;
    this.#windowUpdate(stream.id, stream.uncreditedBytes);
    stream.receiveWindow += stream.uncreditedBytes;
    stream.uncreditedBytes = 0;
  }

  /** Ends a stream before its time. The stream itself hears nothing of it. */
  reset(stream: Stream, code: number): void {
    if (this.streams.get(stream.id) !== stream) return;
    this.#sendReset(stream.id, code);
    this.#remove(stream);
  }

  /** No new streams; closes once those that are open have ended. */
  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#sendGoaway(Code.NO_ERROR, '');
    this.#closeIfDone();
  }

  /** Ends it now. Its streams are lost. */
  destroy(code: number, why: string): void {
    if (this.#state === 'closed') return;
    this.#sendGoaway(code, why);
    this.#goodbye();
    this.#finish(why);
  }

  readonly #onBytes = (chunk: Buffer): void => {
    this.#heard = true;
    try {
      const bytes = this.#preface ? this.#readPreface(chunk) : chunk;
      if (bytes.length > 0) this.#reader.push(bytes);
    } catch (error) {
      const { code, message } =
        error instanceof ConnectionError ? error : { code: Code.INTERNAL_ERROR, message: String(error) };
      this.destroy(code, message);
    }
  };

  #readPreface(chunk: Buffer): Buffer {
    const preface = this.#preface as Buffer;
    const length = Math.min(preface.length, chunk.length);
    if (!chunk.subarray(0, length).equals(preface.subarray(0, length)))
      throw new ConnectionError(Code.PROTOCOL_ERROR, 'the peer does not speak HTTP/2');
    this.#preface = length === preface.length ? undefined : preface.subarray(length);
    return chunk.subarray(length);
  }

  readonly #onFrame = (
    type: number,
    flags: number,
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void => {
    if (this.#block && (type !== Frame.CONTINUATION || id !== this.#block.id))
      throw protocol('a frame in the middle of a header block');
    if (!this.#settled && type !== Frame.SETTINGS) throw protocol('the first frame is not SETTINGS');
    switch (type) {
      case Frame.DATA:
        return this.#onData(flags, id, bytes, start, end);
      case Frame.HEADERS:
        return this.#onHeaders(flags, id, bytes, start, end);
      case Frame.CONTINUATION:
        return this.#onContinuation(flags, bytes, start, end);
      case Frame.WINDOW_UPDATE:
        return this.#onWindowUpdate(id, bytes, start, end);
      case Frame.RST_STREAM:
        return this.#onReset(id, bytes, start, end);
      case Frame.SETTINGS:
        return this.#onSettings(flags, id, bytes, start, end);
      case Frame.PING:
        return this.#onPing(flags, id, bytes, start, end);
      case Frame.GOAWAY:
        return this.#onGoaway(id, bytes, start, end);
      case Frame.PRIORITY:
        if (id === 0) throw protocol('PRIORITY without a stream');
        if (end - start !== 5) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'PRIORITY that is not 5 bytes');
        return;
      case Frame.PUSH_PROMISE:
        throw protocol('PUSH_PROMISE, which was switched off');
      default: // unknown types are to be ignored
    }
  };

  #onData(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) throw protocol('DATA without a stream');
    const length = end - start;
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) throw new ConnectionError(Code.FLOW_CONTROL_ERROR, 'more data than the window has');
    this.#uncreditedBytes += length;
    if (this.#uncreditedBytes >= CONNECTION_WINDOW_BYTES / 2) {
      // Given back as it comes: the streams' own windows keep a slow reader from being flooded.
      this.#windowUpdate(0, this.#uncreditedBytes);
      this.#receiveWindow += this.#uncreditedBytes;
      this.#uncreditedBytes = 0;
    }
    const last = (flags & Flag.END_STREAM) !== 0;
    if (length > 0 || last) this.#emptyFrames = 0;
    else if (++this.#emptyFrames > EMPTY_FRAMES_MAX)
      throw new ConnectionError(Code.ENHANCE_YOUR_CALM, 'a flood of empty data frames');
    const stream = this.streams.get(id);
    if (!stream) {
      if (this.#idle(id)) throw protocol(`DATA on stream ${id}, which was never opened`);
      return; // it was reset, and the peer had not heard yet
    }
    if (stream.remoteEnded) return this.#fail(stream, Code.STREAM_CLOSED);
    let from = start;
    let to = end;
    if (flags & Flag.PADDED) {
      const padding = length > 0 ? (bytes[start] as number) : 0;
      if (padding >= length) throw protocol('padding that is longer than the frame');
      from++;
      to -= padding;
    }
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) return this.#fail(stream, Code.FLOW_CONTROL_ERROR);
    if (to - from < length) this.credit(stream, length - (to - from));
    stream.remoteEnded = last;
    stream.onData(bytes, from, to, last);
    if (last) this.#removeIfDone(stream);
  }

  #onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) throw protocol('HEADERS without a stream');
    let from = start;
    let to = end;
    if (flags & Flag.PADDED) {
      if (from >= to) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'HEADERS without its padding length');
      to -= bytes[from++] as number;
    }
    if (flags & Flag.PRIORITY) from += 5;
    if (from > to) throw protocol('padding that is longer than the frame');
    const last = (flags & Flag.END_STREAM) !== 0;
    if (flags & Flag.END_HEADERS) return this.#onBlock(id, last, bytes, from, to);
    this.#block = { id, end: last, parts: [bytes.subarray(from, to)], bytes: to - from };
  }

  #onContinuation(flags: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#block;
    if (!block) throw protocol('CONTINUATION without HEADERS');
    block.parts.push(bytes.subarray(start, end));
    block.bytes += end - start;
    if (block.bytes > HEADER_BLOCK_BYTES_MAX || block.parts.length > CONTINUATIONS_MAX)
      throw new ConnectionError(Code.ENHANCE_YOUR_CALM, 'a header block beyond any limit');
    if (!(flags & Flag.END_HEADERS)) return;
    this.#block = undefined;
    this.#onBlock(block.id, block.end, Buffer.concat(block.parts, block.bytes), 0, block.bytes);
  }

  /** A whole header block. It is decoded whatever becomes of the stream: the table must stay in step. */
  #onBlock(id: number, last: boolean, bytes: Buffer, start: number, end: number): void {
    const list = this.#decoder.decode(bytes, start, end);
    let stream = this.streams.get(id);
    if (!stream) {
      if (!this.#idle(id)) return; // it was reset, and the peer had not heard yet
      if (this.#options.role === 'client' || id % 2 === 0) throw protocol(`HEADERS on stream ${id}, which was never opened`);
      this.#lastRemoteId = id;
      if (this.#state !== 'open') return; // we said GOAWAY: the peer sends it elsewhere
      if (this.streams.size >= (this.#options.streamsMax ?? Number.POSITIVE_INFINITY))
        return this.#sendReset(id, Code.REFUSED_STREAM);
      stream = this.#events.onStream?.(id);
      if (!stream) return;
      this.#register(stream, id);
    } else if (stream.remoteEnded) return this.#fail(stream, Code.STREAM_CLOSED);
    if (list && !wellFormed(list)) return this.#fail(stream, Code.PROTOCOL_ERROR);
    stream.remoteEnded = last;
    stream.onHeaders(list, last);
    if (last) this.#removeIfDone(stream);
  }

  #onWindowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'WINDOW_UPDATE that is not 4 bytes');
    const more = bytes.readUInt32BE(start) & 0x7fffffff;
    if (id === 0) {
      if (more === 0) throw protocol('WINDOW_UPDATE of 0');
      this.#sendWindow += more;
      if (this.#sendWindow > WINDOW_BYTES_MAX)
        throw new ConnectionError(Code.FLOW_CONTROL_ERROR, 'a window beyond 2^31');
      return this.#pumpAll();
    }
    const stream = this.streams.get(id);
    if (!stream) {
      if (this.#idle(id)) throw protocol(`WINDOW_UPDATE on stream ${id}, which was never opened`);
      return;
    }
    if (more === 0) return this.#fail(stream, Code.PROTOCOL_ERROR);
    stream.sendWindow += more;
    if (stream.sendWindow > WINDOW_BYTES_MAX) return this.#fail(stream, Code.FLOW_CONTROL_ERROR);
    this.#pump(stream);
  }

  #onReset(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) throw protocol('RST_STREAM without a stream');
    if (end - start !== 4) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'RST_STREAM that is not 4 bytes');
    const stream = this.streams.get(id);
    if (stream) {
      this.#remove(stream);
      stream.onReset(bytes.readUInt32BE(start));
    } else if (this.#idle(id)) throw protocol(`RST_STREAM on stream ${id}, which was never opened`);
  }

  #onSettings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocol('SETTINGS on a stream');
    if (flags & Flag.ACK) {
      if (end > start) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'an acknowledgement with a payload');
      if (!this.#settled) throw protocol('the first frame is not SETTINGS');
      return;
    }
    if ((end - start) % 6 !== 0) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'SETTINGS that are not 6 bytes each');
    for (let at = start; at < end; at += 6) this.#setting(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    this.#refuseFlood();
    this.#out.frame(0, Frame.SETTINGS, Flag.ACK, 0);
    const first = !this.#settled;
    this.#settled = true;
    if (first) this.#events.onReady();
    else this.#events.onRoom();
  }

  #setting(name: number, value: number): void {
    switch (name) {
      case Setting.HEADER_TABLE_SIZE:
        return this.encoder.resize(value);
      case Setting.ENABLE_PUSH:
        if (value > 1) throw protocol('ENABLE_PUSH that is neither 0 nor 1');
        return;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.peerStreamsMax = value;
        return;
      case Setting.INITIAL_WINDOW_SIZE: {
        if (value > WINDOW_BYTES_MAX) throw new ConnectionError(Code.FLOW_CONTROL_ERROR, 'a window beyond 2^31');
        const more = value - this.#peerWindowBytes;
        this.#peerWindowBytes = value;
        for (const stream of this.streams.values()) {
          stream.sendWindow += more;
          if (stream.sendWindow > WINDOW_BYTES_MAX)
            throw new ConnectionError(Code.FLOW_CONTROL_ERROR, 'a window beyond 2^31');
        }
        return this.#pumpAll();
      }
      case Setting.MAX_FRAME_SIZE:
        if (value < FRAME_BYTES || value > 2 ** 24 - 1) throw protocol('MAX_FRAME_SIZE out of range');
        this.#peerFrameBytes = value;
        return;
      case Setting.MAX_HEADER_LIST_SIZE:
        this.peerHeaderListBytesMax = value;
        return;
      default: // unknown settings are to be ignored
    }
  }

  #onPing(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocol('PING on a stream');
    if (end - start !== 8) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'PING that is not 8 bytes');
    if (flags & Flag.ACK) return; // it was heard, which is all a ping is for
    this.#refuseFlood();
    const at = this.#out.frame(8, Frame.PING, Flag.ACK, 0);
    bytes.copy(this.#out.page, at, start, end);
  }

  #onGoaway(id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocol('GOAWAY on a stream');
    if (end - start < 8) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'GOAWAY that is too short');
    const lastId = bytes.readUInt32BE(start) & 0x7fffffff;
    const code = bytes.readUInt32BE(start + 4);
    const text = bytes.toString('latin1', start + 8, Math.min(end, start + 8 + TEXT_BYTES_MAX));
    if (this.#state === 'open') this.#state = 'draining';
    const why = `the peer is closing the connection (${codeName(code)}${text && `: ${text}`})`;
    if (this.#options.role === 'client') {
      for (const [streamId, stream] of [...this.streams]) {
        if (streamId <= lastId) continue;
        this.#remove(stream);
        stream.onLost(why, false);
      }
    }
    this.#events.onGoaway(code, text);
    this.#closeIfDone();
  }

  #register(stream: Stream, id: number): void {
    stream.id = id;
    stream.sendWindow = this.#peerWindowBytes;
    stream.receiveWindow = STREAM_WINDOW_BYTES;
    this.streams.set(id, stream);
  }

  /** True for a stream that nobody has opened yet. */
  #idle(id: number): boolean {
    const local = (id % 2 === 1) === (this.#options.role === 'client');
    return id > (local ? this.#lastLocalId : this.#lastRemoteId);
  }

  /** The peer broke the protocol on one stream. */
  #fail(stream: Stream, code: number): void {
    this.reset(stream, code);
    stream.onReset(code);
  }

  #localEnd(stream: Stream): void {
    stream.localEnded = true;
    this.#removeIfDone(stream);
  }

  #removeIfDone(stream: Stream): void {
    if (stream.localEnded && stream.remoteEnded) this.#remove(stream);
  }

  #remove(stream: Stream): void {
    if (!this.streams.delete(stream.id)) return;
    if (stream.waiting) {
      stream.waiting = undefined;
      this.#blocked.delete(stream);
    }
    if (this.#state === 'open') this.#events.onRoom();
    else this.#closeIfDone();
  }

  #pumpAll(): void {
    for (const stream of [...this.#blocked]) {
      if (this.#sendWindow === 0 || this.#out.full) return;
      this.#pump(stream);
    }
  }

  /** Sends what waits on a stream, as far as the windows and the socket let it. */
  #pump(stream: Stream): void {
    const { waiting } = stream;
    if (!waiting) return;
    while (waiting.parts.length > 0) {
      const part = waiting.parts[0] as Buffer;
      const left = part.length - waiting.sent;
      const bytes = Math.min(left, stream.sendWindow, this.#sendWindow, this.#peerFrameBytes);
      if ((bytes <= 0 && left > 0) || this.#out.full) return;
      const whole = bytes === left;
      const last = whole && waiting.end && waiting.parts.length === 1;
      if (bytes > 0 || last) {
        this.#out.frame(bytes, Frame.DATA, last ? Flag.END_STREAM : 0, stream.id, 0);
        this.#out.append(part.subarray(waiting.sent, waiting.sent + bytes));
      }
      stream.sendWindow -= bytes;
      this.#sendWindow -= bytes;
      waiting.bytes -= bytes;
      waiting.sent += bytes;
      if (!whole) continue;
      waiting.parts.shift();
      waiting.sent = 0;
    }
    stream.waiting = undefined;
    this.#blocked.delete(stream);
    if (waiting.end) this.#localEnd(stream);
    stream.onDrain();
  }

  #sendSettings(): void {
    const settings: [number, number][] = [
      [Setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
      [Setting.MAX_FRAME_SIZE, FRAME_BYTES_MAX],
      [Setting.MAX_HEADER_LIST_SIZE, HEADER_LIST_BYTES_MAX],
    ];
    if (this.#options.role === 'client') settings.push([Setting.ENABLE_PUSH, 0]);
    if (this.#options.streamsMax !== undefined) settings.push([Setting.MAX_CONCURRENT_STREAMS, this.#options.streamsMax]);
    let at = this.#out.frame(settings.length * 6, Frame.SETTINGS, 0, 0);
    for (const [name, value] of settings) {
      this.#out.page.writeUInt16BE(name, at);
      this.#out.page.writeUInt32BE(value, at + 2);
      at += 6;
    }
    this.#windowUpdate(0, CONNECTION_WINDOW_BYTES - WINDOW_BYTES);
  }

  #windowUpdate(id: number, bytes: number): void {
    const at = this.#out.frame(4, Frame.WINDOW_UPDATE, 0, id);
    this.#out.page.writeUInt32BE(bytes, at);
  }

  #sendReset(id: number, code: number): void {
    const at = this.#out.frame(4, Frame.RST_STREAM, 0, id);
    this.#out.page.writeUInt32BE(code, at);
  }

  #sendGoaway(code: number, text: string): void {
    if (this.#goawaySent && code === Code.NO_ERROR) return;
    this.#goawaySent = true;
    const said = Buffer.from(text.slice(0, TEXT_BYTES_MAX), 'latin1');
    const at = this.#out.frame(8 + said.length, Frame.GOAWAY, 0, 0);
    this.#out.page.writeUInt32BE(this.#lastRemoteId, at);
    this.#out.page.writeUInt32BE(code, at + 4);
    said.copy(this.#out.page, at + 8);
  }

  /** A peer that asks and never reads the answers. */
  #refuseFlood(): void {
    if (this.#out.waitingBytes > UNREAD_BYTES_MAX)
      throw new ConnectionError(Code.ENHANCE_YOUR_CALM, 'a flood of frames whose answers are not read');
  }

  readonly #onKeepalive = (): void => {
    const { clock, keepaliveMs, keepaliveTimeoutMs } = this.#options;
    if (this.#heard) {
      this.#heard = false;
      this.#cancelKeepalive = clock.after(keepaliveMs, this.#onKeepalive);
      return;
    }
    this.#out.frame(8, Frame.PING, 0, 0);
    this.#cancelKeepalive = clock.after(keepaliveTimeoutMs, () => {
      if (this.#heard) return this.#onKeepalive();
      this.#finish('the peer does not answer pings');
      this.#socket.destroy();
    });
  };

  #closeIfDone(): void {
    if (this.#state !== 'draining' || this.streams.size > 0) return;
    this.#goodbye();
    this.#finish('the connection was closed');
  }

  /** Lets what is written go out, then closes the socket, by force after a second. */
  #goodbye(): void {
    this.#out.flush();
    this.#socket.end();
    this.#cancelGoodbye = this.#options.clock.after(GOODBYE_MS, () => this.#socket.destroy());
    this.#socket.once('close', () => this.#cancelGoodbye());
  }

  /** Tells everybody, once. */
  #finish(why: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reader.stop();
    this.#cancelKeepalive();
    const lost = [...this.streams.values()];
    this.streams.clear();
    this.#blocked.clear();
    for (const stream of lost) {
      stream.waiting = undefined;
      stream.onLost(why, true);
    }
    this.#events.onClose(why);
  }
}

function protocol(what: string): ConnectionError {
  return new ConnectionError(Code.PROTOCOL_ERROR, what);
}

function writePrefix(page: Buffer, at: number, length: number): void {
  page[at] = 0; // not compressed
  page[at + 1] = length >>> 24;
  page[at + 2] = length >>> 16;
  page[at + 3] = length >>> 8;
  page[at + 4] = length;
}

/** Names that were found well-formed; few differ, and looking them up is cheaper than reading them. */
const goodNames = new Set<string>();
const GOOD_NAMES_MAX = 1_000;
const CONNECTION_HEADERS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/** Section 8.2: names in lower case, nothing of HTTP/1 connections, pseudo-headers first. */
function wellFormed(list: HeaderList): boolean {
  let regular = false;
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] as string;
    const pseudo = name.charCodeAt(0) === 0x3a;
    if (pseudo && regular) return false;
    regular = !pseudo;
    if (!goodNames.has(name)) {
      if (!/^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || CONNECTION_HEADERS.has(name)) return false;
      if (goodNames.size < GOOD_NAMES_MAX) goodNames.add(name);
    }
  }
  return true;
}
