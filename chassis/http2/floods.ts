/** What costs a peer little and us much, when it comes without end: each kind has a limit, and beyond it the connection is closed. */
import { Code, ConnectionError } from './codes.js';

/** Data frames without data in a row. */
const EMPTY_FRAMES_MAX = 1_000;
/** Resets a client may send at once, and more a second. A gateway whose callers leave all at once is no attack. */
const RESETS_MAX = 10_000;
const RESETS_PER_SECOND = 1_000;
/** Answers to pings and settings that the peer does not read. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;

/** Counts for one connection. All of it throws ENHANCE_YOUR_CALM. */
export class Floods {
  #emptyFrames = 0;
  #resets = 0;
  #resetsAtMs = 0;

  /** A data frame; `useful`: it has data or is the last. */
  data(useful: boolean): void {
    if (useful) this.#emptyFrames = 0;
    else if (++this.#emptyFrames > EMPTY_FRAMES_MAX) throw calm('a flood of empty data frames');
  }

  /** A client reset a stream: opening them for that costs it nothing and us a call each (CVE-2023-44487). */
  reset(nowMs: number): void {
    this.#resets = Math.max(0, this.#resets - ((nowMs - this.#resetsAtMs) / 1_000) * RESETS_PER_SECOND) + 1;
    this.#resetsAtMs = nowMs;
    if (this.#resets > RESETS_MAX) throw calm('a flood of resets');
  }

  /** Something came that has to be answered, and `waitingBytes` of answers wait already. */
  unread(waitingBytes: number): void {
    if (waitingBytes > UNREAD_BYTES_MAX) throw calm('a flood of frames whose answers are not read');
  }
}

function calm(what: string): ConnectionError {
  return new ConnectionError(Code.ENHANCE_YOUR_CALM, what);
}
