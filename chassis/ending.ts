/**
 * The end of a call before its answer: the deadline passed or the caller left. Looks like an AbortSignal as far as most need it,
 * and becomes a real one only for those who ask: making and hearing one costs more than most calls through the gateway do.
 */
import type { MeshError } from './errors.js';

export class Ending {
  /** Why it ended, once it has. */
  reason: MeshError | undefined;
  #listeners: (() => void)[] = [];
  #controller: AbortController | undefined;

  get aborted(): boolean {
    return this.reason !== undefined;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.reason) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  /** Only the first reason counts. */
  end(reason: MeshError): void {
    if (this.reason) return;
    this.reason = reason;
    this.#controller?.abort(reason);
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
