/**
 * What a connection writes: frames gather in a page and go out in one write at the end of the turn of the event loop, so that
 * many calls cost one system call; where few calls come, the first message of a turn goes out at once, since whoever waits for it
 * would wait for all else that its call still does here. Long payloads are passed on without a copy. Relies on the socket for order only.
 */

const PAGE_BYTES = 64 * 1_024;
/** A payload longer than this is not copied into the page. */
const COPY_BYTES_MAX = 8 * 1_024;
/** Beyond this many bytes not yet taken by the system, data frames wait; control frames never fill it but by abuse. */
const WAITING_BYTES_MAX = 1_024 * 1_024;

/** As much of a socket as is needed. */
export interface Sink {
  write(bytes: Buffer): boolean;
  cork(): void;
  uncork(): void;
  readonly writableLength: number;
  readonly destroyed: boolean;
}

export class Output {
  /** Where the next frame is written; see `reserve`. */
  page: Buffer = Buffer.allocUnsafeSlow(PAGE_BYTES);
  readonly #sink: Sink;
  #from = 0;
  #at = 0;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #scheduled = false;
  /** Messages of this turn; whether there were several in the last one. */
  #messages = 0;
  #many = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Bytes that wait here and in the socket. */
  get waitingBytes(): number {
    return this.#partBytes + (this.#at - this.#from) + this.#sink.writableLength;
  }

  /** True where data should wait for `drain`. */
  get full(): boolean {
    return this.waitingBytes > WAITING_BYTES_MAX;
  }

  /** Room for `bytes` in `page`, from the returned offset on. Write them before anything else is called. */
  reserve(bytes: number): number {
    if (this.page.length - this.#at < bytes) {
      this.#seal();
      this.page = Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, bytes));
      this.#from = 0;
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += bytes;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flushed);
    }
    return at;
  }

  /** Reserves a frame of `length` bytes of payload and writes its head; returns where the payload begins. */
  frame(length: number, type: number, flags: number, id: number, reserved: number = length): number {
    const at = this.reserve(9 + reserved);
    const { page } = this;
    page[at] = length >>> 16;
    page[at + 1] = length >>> 8;
    page[at + 2] = length;
    page[at + 3] = type;
    page[at + 4] = flags;
    page[at + 5] = id >>> 24;
    page[at + 6] = id >>> 16;
    page[at + 7] = id >>> 8;
    page[at + 8] = id;
    return at + 9;
  }

  /** Bytes after what was reserved last. They must not change any more. */
  append(bytes: Buffer): void {
    if (bytes.length <= COPY_BYTES_MAX) {
      const at = this.reserve(bytes.length);
      bytes.copy(this.page, at);
      return;
    }
    this.#seal();
    this.#parts.push(bytes);
    this.#partBytes += bytes.length;
  }

  /** What was written so far makes a whole message or answer: it goes out now, unless there are so many that gathering them pays. */
  settle(): void {
    if (this.#messages++ === 0 && !this.#many) this.flush();
  }

  /** Writes what has gathered. */
  flush(): void {
    this.#seal();
    const parts = this.#parts;
    if (parts.length === 0) return;
    this.#parts = [];
    this.#partBytes = 0;
    if (this.#sink.destroyed) return;
    if (parts.length === 1) {
      this.#sink.write(parts[0] as Buffer);
      return;
    }
    this.#sink.cork(); // several parts, still one system call
    for (const part of parts) this.#sink.write(part);
    this.#sink.uncork();
  }

  readonly #flushed = (): void => {
    this.#scheduled = false;
    this.#many = this.#messages > 1;
    this.#messages = 0;
    this.flush();
  };

  #seal(): void {
    if (this.#at === this.#from) return;
    this.#parts.push(this.page.subarray(this.#from, this.#at));
    this.#partBytes += this.#at - this.#from;
    this.#from = this.#at;
  }
}
