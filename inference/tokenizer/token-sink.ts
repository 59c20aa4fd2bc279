// Where models put their tokens: growing typed arrays, reused from text to text. Places are code units of the text the
// model was given; the pipeline turns them into places of the original afterwards.

export class TokenSink {
  length = 0;
  ids = new Int32Array(256);
  starts = new Int32Array(256);
  ends = new Int32Array(256);
  words = new Int32Array(256);
  /** The word that tokens pushed now belong to. */
  word = 0;
  /** Token texts that differ from the vocabulary's text for the id, by index; empty most of the time. */
  texts: Map<number, string> | undefined;

  push(id: number, start: number, end: number): void {
    const at = this.length;
    if (at === this.ids.length) this.grow(2 * at);
    this.ids[at] = id;
    this.starts[at] = start;
    this.ends[at] = end;
    this.words[at] = this.word;
    this.length = at + 1;
  }

  pushText(id: number, start: number, end: number, text: string): void {
    this.texts ??= new Map();
    this.texts.set(this.length, text);
    this.push(id, start, end);
  }

  /** Makes room for `count` more. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed > this.ids.length) this.grow(Math.max(needed, 2 * this.ids.length));
  }

  clear(): void {
    this.length = 0;
    this.word = 0;
    this.texts = undefined;
    // One giant text must not hold its memory for ever.
    if (this.ids.length > 1 << 20) {
      this.ids = new Int32Array(256);
      this.starts = new Int32Array(256);
      this.ends = new Int32Array(256);
      this.words = new Int32Array(256);
    }
  }

  private grow(capacity: number): void {
    this.ids = grown(this.ids, capacity);
    this.starts = grown(this.starts, capacity);
    this.ends = grown(this.ends, capacity);
    this.words = grown(this.words, capacity);
  }
}

function grown(array: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(capacity);
  larger.set(array);
  return larger;
}
