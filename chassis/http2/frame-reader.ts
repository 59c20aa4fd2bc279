/**
 * Bytes of a socket -> frames. A frame that lies within one chunk is handed on where it lies; one that is cut by the end of a
 * chunk is put together once. Knows lengths only: what a frame means is the connection's to say.
 */
import { Code, ConnectionError } from './codes.js';

const HEAD_BYTES = 9;

/** A frame; its payload is bytes `start` to `end`, valid until the call returns unless it keeps the buffer. */
export type OnFrame = (type: number, flags: number, id: number, bytes: Buffer, start: number, end: number) => void;

export class FrameReader {
  readonly #onFrame: OnFrame;
  readonly #frameBytesMax: number;
  /** The beginning of a frame whose end has not come; bounded by one frame. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes that `#held` must reach before it is looked at again. */
  #needed = HEAD_BYTES;
  #stopped = false;

  /** `frameBytesMax`: the SETTINGS_MAX_FRAME_SIZE we announced. */
  constructor(frameBytesMax: number, onFrame: OnFrame) {
    this.#frameBytesMax = frameBytesMax;
    this.#onFrame = onFrame;
  }

  /** Throws what `onFrame` throws, and FRAME_SIZE_ERROR. */
  push(chunk: Buffer): void {
    let at = 0;
    while (this.#heldBytes > 0) {
      const take = Math.min(this.#needed - this.#heldBytes, chunk.length - at);
      if (take > 0) this.#hold(chunk.subarray(at, at + take));
      at += take;
      if (this.#heldBytes < this.#needed) return;
      const whole = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held, this.#heldBytes);
      const frameBytes = HEAD_BYTES + this.#length(whole, 0);
      if (whole.length < frameBytes) {
        this.#held = [whole];
        this.#needed = frameBytes;
        continue;
      }
      this.#held = [];
      this.#heldBytes = 0;
      this.#frame(whole, 0, frameBytes);
    }
    while (chunk.length - at >= HEAD_BYTES && !this.#stopped) {
      const frameBytes = HEAD_BYTES + this.#length(chunk, at);
      if (chunk.length - at < frameBytes) {
        this.#needed = frameBytes;
        this.#hold(chunk.subarray(at));
        return;
      }
      this.#frame(chunk, at, at + frameBytes);
      at += frameBytes;
    }
    if (at < chunk.length && !this.#stopped) {
      this.#needed = HEAD_BYTES;
      this.#hold(chunk.subarray(at));
    }
  }

  /** No frame is handed on any more. */
  stop(): void {
    this.#stopped = true;
  }

  #hold(part: Buffer): void {
    this.#held.push(part);
    this.#heldBytes += part.length;
  }

  #length(bytes: Buffer, at: number): number {
    const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    if (length > this.#frameBytesMax)
      throw new ConnectionError(
        Code.FRAME_SIZE_ERROR,
        `a frame of ${length} bytes, the limit is ${this.#frameBytesMax}`,
      );
    return length;
  }

  #frame(bytes: Buffer, start: number, end: number): void {
    if (this.#stopped) return;
    const id = bytes.readUInt32BE(start + 5) & 0x7fffffff;
    this.#onFrame(bytes[start + 3] as number, bytes[start + 4] as number, id, bytes, start + HEAD_BYTES, end);
  }
}
