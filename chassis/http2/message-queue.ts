/**
 * Messages of a stream between whoever receives them and whoever reads them, in order, then the end or the error. Bytes are
 * credited to the peer as they come while somebody waits for them, and held back while nobody does: so what waits here is
 * bounded by the window and one message.
 */
import type { MeshError } from '../errors.js';

interface Reader<T> {
  resolve(result: IteratorResult<T>): void;
  reject(error: MeshError): void;
}

export class MessageQueue<T> implements AsyncIterable<T> {
  readonly #credit: (bytes: number) => void;
  readonly #onLeft: () => void;
  #messages: (T | undefined)[] = [];
  /** Where the first unread message stands: taking them off the front of a long array would copy it each time. */
  #at = 0;
  #uncredited = 0;
  #readers: Reader<T>[] = [];
  #end: { error: MeshError | undefined } | undefined;

  /** `credit`: the peer may send that many bytes more. `onLeft`: the reader will not read to the end. */
  constructor(credit: (bytes: number) => void, onLeft: () => void) {
    this.#credit = credit;
    this.#onLeft = onLeft;
  }

  /** Bytes came, of whole messages or of parts. */
  received(bytes: number): void {
    this.#uncredited += bytes;
    if (this.#at === this.#messages.length) this.#creditAll();
  }

  push(message: T): void {
    const reader = this.#readers.shift();
    if (reader) reader.resolve({ done: false, value: message });
    else this.#messages.push(message);
  }

  /** No more will come. After an error, what has not been read yet is not read any more where it was `cut`. Only the first counts. */
  end(error: MeshError | undefined, cut: boolean): void {
    if (this.#end) return;
    this.#end = { error };
    if (cut) this.#clear();
    for (const reader of this.#readers.splice(0)) {
      if (error) reader.reject(error);
      else reader.resolve({ done: true, value: undefined });
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#onLeft();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(): Promise<IteratorResult<T>> {
    if (this.#at < this.#messages.length) {
      const value = this.#messages[this.#at] as T;
      this.#messages[this.#at++] = undefined;
      if (this.#at === this.#messages.length) {
        this.#clear();
        this.#creditAll();
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.#end?.error) return Promise.reject(this.#end.error);
    if (this.#end) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  #clear(): void {
    this.#messages = [];
    this.#at = 0;
  }

  #creditAll(): void {
    if (this.#uncredited === 0) return;
    this.#credit(this.#uncredited);
    this.#uncredited = 0;
  }
}
