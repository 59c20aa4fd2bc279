/**
 * One HTTP/2 connection (RFC 9113), either side: what the peer's frames mean, what it may still send, and how it all ends.
 * A peer that breaks the protocol gets GOAWAY with the code the RFC names, and every stream hears of it. What we send is in
 * sender.ts, bytes to frames in frame-reader.ts, headers in header-blocks.ts.
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
import { Floods } from './floods.js';
import { FrameReader } from './frame-reader.js';
import { type Block, HEADER_LIST_BYTES_MAX, HeaderBlocks, wellFormed } from './header-blocks.js';
import { createKeepalive, type Keepalive } from './keepalive.js';
import { Sender } from './sender.js';
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
/** Words in a GOAWAY that are read or written. */
const TEXT_BYTES_MAX = 200;
/** How long a connection that says goodbye may take to be gone. */
const GOODBYE_MS = 1_000;

export class Connection {
  readonly sender: Sender;
  readonly streams = new Map<number, Stream>();
  /** What the peer said in its settings. */
  peerStreamsMax = Number.POSITIVE_INFINITY;
  peerHeaderListBytesMax = Number.POSITIVE_INFINITY;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #reader: FrameReader;
  readonly #blocks = new HeaderBlocks();
  readonly #keepalive: Keepalive;
  #receiveWindow = CONNECTION_WINDOW_BYTES;
  #uncreditedBytes = 0;
  /** The highest stream the peer opened, and the one we did. */
  #lastRemoteId = 0;
  #lastLocalId: number;
  #preface: Buffer | undefined;
  #settled = false;
  readonly #floods = new Floods();
  /** open: new streams. draining: those open may end. closed: nothing. */
  #state: 'open' | 'draining' | 'closed' = 'open';
  #goawaySent = false;
  #cancelGoodbye = (): void => {};

  constructor(socket: Socket, options: ConnectionOptions, events: ConnectionEvents) {
    this.#socket = socket;
    this.#options = options;
    this.#events = events;
    this.sender = new Sender(socket, (stream) => this.#onLocalEnd(stream));
    this.#reader = new FrameReader(FRAME_BYTES_MAX, this.#onFrame);
    this.#lastLocalId = options.role === 'client' ? -1 : 0;
    if (options.role === 'server') this.#preface = PREFACE;
    else this.sender.bytes(PREFACE);
    this.sender.settings([
      [Setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
      [Setting.MAX_FRAME_SIZE, FRAME_BYTES_MAX],
      [Setting.MAX_HEADER_LIST_SIZE, HEADER_LIST_BYTES_MAX],
      ...(options.role === 'client' ? [[Setting.ENABLE_PUSH, 0] as const] : []),
      ...(options.streamsMax === undefined ? [] : [[Setting.MAX_CONCURRENT_STREAMS, options.streamsMax] as const]),
    ]);
    this.sender.windowUpdate(0, CONNECTION_WINDOW_BYTES - WINDOW_BYTES);
    this.sender.flush();
    this.#keepalive = createKeepalive({
      clock: options.clock,
      afterMs: options.keepaliveMs,
      timeoutMs: options.keepaliveTimeoutMs,
      ping: () => this.sender.ping(),
      onDead: () => {
        this.#finish('the peer does not answer pings');
        this.#socket.destroy();
      },
    });
    socket.on('data', this.#onBytes);
    socket.on('drain', () => this.sender.pumpAll());
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

  /** Bytes of the stream have been used up: the peer may send as many again. */
  credit(stream: Stream, bytes: number): void {
    stream.uncreditedBytes += bytes;
    if (stream.remoteEnded || stream.uncreditedBytes < STREAM_WINDOW_BYTES / 2) return;
    if (this.streams.get(stream.id) !== stream) return;
    this.sender.windowUpdate(stream.id, stream.uncreditedBytes);
    stream.receiveWindow += stream.uncreditedBytes;
    stream.uncreditedBytes = 0;
  }

  /** Ends a stream before its time. The stream itself hears nothing of it. */
  reset(stream: Stream, code: number): void {
    if (this.streams.get(stream.id) !== stream) return;
    this.sender.reset(stream.id, code);
    this.#remove(stream);
  }

  /** No new streams; closes once those that are open have ended. */
  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    // A server takes what is on its way; the number it really saw is said at the end, so that nobody's call is lost unseen.
    if (this.#options.role === 'server') this.sender.goaway(STREAM_ID_MAX, Code.NO_ERROR, '');
    else this.#sendGoaway(Code.NO_ERROR, '');
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
    this.#keepalive.heard();
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

  readonly #onFrame = (type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void => {
    const { openId } = this.#blocks;
    if (openId !== undefined && (type !== Frame.CONTINUATION || id !== openId))
      throw protocol('a frame in the middle of a header block');
    if (!this.#settled && type !== Frame.SETTINGS) throw protocol('the first frame is not SETTINGS');
    switch (type) {
      case Frame.DATA:
        this.#onData(flags, id, bytes, start, end);
        return;
      case Frame.HEADERS:
        this.#onHeaders(flags, id, bytes, start, end);
        return;
      case Frame.CONTINUATION:
        this.#onBlock(this.#blocks.continue(flags, bytes, start, end));
        return;
      case Frame.WINDOW_UPDATE:
        this.#onWindowUpdate(id, bytes, start, end);
        return;
      case Frame.RST_STREAM:
        this.#onReset(id, bytes, start, end);
        return;
      case Frame.SETTINGS:
        this.#onSettings(flags, id, bytes, start, end);
        return;
      case Frame.PING:
        this.#onPing(flags, id, bytes, start, end);
        return;
      case Frame.GOAWAY:
        this.#onGoaway(id, bytes, start, end);
        return;
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
      this.sender.windowUpdate(0, this.#uncreditedBytes);
      this.#receiveWindow += this.#uncreditedBytes;
      this.#uncreditedBytes = 0;
    }
    const last = (flags & Flag.END_STREAM) !== 0;
    this.#floods.data(length > 0 || last);
    const stream = this.streams.get(id);
    if (!stream) {
      if (this.#idle(id)) throw protocol(`DATA on stream ${id}, which was never opened`);
      return; // it was reset, and the peer had not heard yet
    }
    if (stream.remoteEnded) {
      this.#fail(stream, Code.STREAM_CLOSED);
      return;
    }
    let from = start;
    let to = end;
    if (flags & Flag.PADDED) {
      const padding = length > 0 ? (bytes[start] as number) : 0;
      if (padding >= length) throw protocol('padding that is longer than the frame');
      from++;
      to -= padding;
    }
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) {
      this.#fail(stream, Code.FLOW_CONTROL_ERROR);
      return;
    }
    if (to - from < length) this.credit(stream, length - (to - from));
    stream.remoteEnded = last;
    stream.onData(bytes, from, to, last);
    if (last) this.#removeIfDone(stream);
  }

  #onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) throw protocol('HEADERS without a stream');
    this.#onBlock(this.#blocks.begin(flags, id, bytes, start, end));
  }

  /** A header block, where it is whole. */
  #onBlock(block: Block | undefined): void {
    if (!block) return;
    const { id, last, list } = block;
    let stream = this.streams.get(id);
    if (!stream) {
      if (!this.#idle(id)) return; // it was reset, and the peer had not heard yet
      if (this.#options.role === 'client' || id % 2 === 0)
        throw protocol(`HEADERS on stream ${id}, which was never opened`);
      this.#lastRemoteId = id;
      if (this.streams.size >= (this.#options.streamsMax ?? Number.POSITIVE_INFINITY)) {
        this.sender.reset(id, Code.REFUSED_STREAM);
        return;
      }
      stream = this.#events.onStream?.(id);
      if (!stream) return;
      this.#register(stream, id);
    } else if (stream.remoteEnded) {
      this.#fail(stream, Code.STREAM_CLOSED);
      return;
    }
    if (list && !wellFormed(list)) {
      this.#fail(stream, Code.PROTOCOL_ERROR);
      return;
    }
    stream.remoteEnded = last;
    stream.onHeaders(list, last);
    if (last) this.#removeIfDone(stream);
  }

  #onWindowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'WINDOW_UPDATE that is not 4 bytes');
    const more = bytes.readUInt32BE(start) & 0x7fffffff;
    if (id === 0) {
      if (more === 0) throw protocol('WINDOW_UPDATE of 0');
      if (!this.sender.widen(more)) throw tooWide();
      return;
    }
    const stream = this.streams.get(id);
    if (!stream) {
      if (this.#idle(id)) throw protocol(`WINDOW_UPDATE on stream ${id}, which was never opened`);
      return;
    }
    if (more === 0) {
      this.#fail(stream, Code.PROTOCOL_ERROR);
      return;
    }
    if (!this.sender.widenStream(stream, more)) this.#fail(stream, Code.FLOW_CONTROL_ERROR);
  }

  #onReset(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) throw protocol('RST_STREAM without a stream');
    if (end - start !== 4) throw new ConnectionError(Code.FRAME_SIZE_ERROR, 'RST_STREAM that is not 4 bytes');
    if (this.#options.role === 'server') this.#floods.reset(this.#options.clock.monotonic());
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
    this.#floods.unread(this.sender.waitingBytes);
    this.sender.settingsAck();
    const first = !this.#settled;
    this.#settled = true;
    if (first) this.#events.onReady();
    else this.#events.onRoom();
  }

  #setting(name: number, value: number): void {
    switch (name) {
      case Setting.HEADER_TABLE_SIZE:
        this.sender.encoder.resize(value);
        return;
      case Setting.ENABLE_PUSH:
        if (value > 1) throw protocol('ENABLE_PUSH that is neither 0 nor 1');
        return;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.peerStreamsMax = value;
        return;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > WINDOW_BYTES_MAX || !this.sender.resizeWindows(value, this.streams.values())) throw tooWide();
        return;
      case Setting.MAX_FRAME_SIZE:
        if (value < FRAME_BYTES || value > 2 ** 24 - 1) throw protocol('MAX_FRAME_SIZE out of range');
        this.sender.frameBytesMax = value;
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
    this.#floods.unread(this.sender.waitingBytes);
    this.sender.pong(bytes, start);
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
    this.sender.register(stream);
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

  #onLocalEnd(stream: Stream): void {
    // A server that has answered needs no more of the request.
    if (this.#options.role === 'server' && !stream.remoteEnded) this.reset(stream, Code.NO_ERROR);
    else this.#removeIfDone(stream);
  }

  #removeIfDone(stream: Stream): void {
    if (stream.localEnded && stream.remoteEnded) this.#remove(stream);
  }

  #remove(stream: Stream): void {
    if (!this.streams.delete(stream.id)) return;
    this.sender.forget(stream);
    if (this.#state === 'open') this.#events.onRoom();
    else this.#closeIfDone();
  }

  #sendGoaway(code: number, text: string): void {
    if (this.#goawaySent && code === Code.NO_ERROR) return;
    this.#goawaySent = true;
    this.sender.goaway(this.#lastRemoteId, code, text);
  }

  #closeIfDone(): void {
    if (this.#state !== 'draining' || this.streams.size > 0) return;
    if (this.#options.role === 'server') this.#sendGoaway(Code.NO_ERROR, '');
    this.#goodbye();
    this.#finish('the connection was closed');
  }

  /** Lets what is written go out, then closes the socket, by force after a second. */
  #goodbye(): void {
    this.sender.flush();
    this.#socket.end();
    this.#cancelGoodbye = this.#options.clock.after(GOODBYE_MS, () => this.#socket.destroy());
    this.#socket.once('close', () => this.#cancelGoodbye());
  }

  /** Tells everybody, once. */
  #finish(why: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reader.stop();
    this.#keepalive.stop();
    const lost = [...this.streams.values()];
    this.streams.clear();
    for (const stream of lost) {
      this.sender.forget(stream);
      stream.onLost(why, true);
    }
    this.#events.onClose(why);
  }
}

function tooWide(): ConnectionError {
  return new ConnectionError(Code.FLOW_CONTROL_ERROR, 'a window beyond 2^31');
}

function protocol(what: string): ConnectionError {
  return new ConnectionError(Code.PROTOCOL_ERROR, what);
}
