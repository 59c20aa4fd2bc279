/**
 * gRPC messages out of data frames: a flag, four bytes of length, the message. One that lies within a frame is handed on where
 * it lies; a longer one is put together once, and refused by its length before any of it is kept.
 */
import { MeshError } from '../errors.js';

const PREFIX_BYTES = 5;

export class MessageReader {
  readonly #bytesMax: number;
  readonly #onMessage: (message: Buffer) => void;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixBytes = 0;
  #length = 0;
  #missing = 0;
  #parts: Buffer[] = [];

  constructor(bytesMax: number, onMessage: (message: Buffer) => void) {
    this.#bytesMax = bytesMax;
    this.#onMessage = onMessage;
  }

  /** True in the middle of a message. */
  get partial(): boolean {
    return this.#prefixBytes > 0;
  }

  /** What is wrong with the bytes, if anything is; nothing may be pushed after that. */
  push(bytes: Buffer, start: number, end: number): MeshError | undefined {
    let at = start;
    for (;;) {
      if (this.#prefixBytes < PREFIX_BYTES) {
        while (this.#prefixBytes < PREFIX_BYTES && at < end) this.#prefix[this.#prefixBytes++] = bytes[at++] as number;
        if (this.#prefixBytes < PREFIX_BYTES) return undefined;
        const wrong = this.#begin();
        if (wrong) return wrong;
      }
      const take = Math.min(this.#missing, end - at);
      const part = bytes.subarray(at, at + take);
      at += take;
      this.#missing -= take;
      if (this.#missing > 0) {
        if (take > 0) this.#parts.push(part);
        return undefined;
      }
      const message = this.#parts.length === 0 ? part : Buffer.concat([...this.#parts, part], this.#length);
      this.#parts = [];
      this.#prefixBytes = 0;
      this.#onMessage(message);
    }
  }

  #begin(): MeshError | undefined {
    if (this.#prefix[0] !== 0) {
      return new MeshError(
        'UPSTREAM_INVALID',
        'the peer sent a compressed message, although it was told that only identity is understood',
      );
    }
    this.#length = this.#prefix.readUInt32BE(1);
    this.#missing = this.#length;
    if (this.#length <= this.#bytesMax) return undefined;
    return new MeshError(
      'MESSAGE_TOO_LARGE',
      `received message larger than max (${this.#length} vs. ${this.#bytesMax})`,
    );
  }
}
