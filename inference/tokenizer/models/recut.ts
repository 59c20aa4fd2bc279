// A model some of whose tokens are cut once more, each alone: ALBERT's pieces of a number and the comma after it.
import { TokenSink } from '../token-sink.js';
import type { Model } from './model.js';

/** What a token is cut into: ids, and how many code units each has of it. */
type Cut = readonly { id: number; length: number }[];

/** `ids`: the tokens that are cut before their last character; what comes before it is cut as if it were a word of its own. */
export function createRecut(inner: Model, ids: readonly number[], mark: string): Model {
  const { vocabulary } = inner;
  const cuts = new Map(ids.map((id) => [id, cutOf(inner, vocabulary.textOf(id) as string, mark)]));
  return {
    vocabulary,
    size: inner.size,
    tokenize(text, start, end, sink) {
      const first = sink.length;
      inner.tokenize(text, start, end, sink);
      for (let i = first; i < sink.length; i++) {
        if (cuts.has(sink.ids[i] as number)) return expand(sink, i, cuts);
      }
    },
  };
}

function cutOf(inner: Model, token: string, mark: string): Cut {
  const word = mark + token.slice(0, -1).replaceAll(mark, '');
  const sink = new TokenSink();
  inner.tokenize(word, 0, word.length, sink);
  const cut: { id: number; length: number }[] = [];
  for (let i = 0; i < sink.length; i++) {
    const [id, from, to] = [sink.ids[i], sink.starts[i], sink.ends[i]] as [number, number, number];
    // The mark was put there: what began with it goes on without.
    if (from > 0 || token.startsWith(mark)) cut.push({ id, length: to - from });
    else if (to > mark.length)
      cut.push({ id: inner.vocabulary.idOf(word.slice(mark.length, to)), length: to - mark.length });
  }
  return [...cut, { id: inner.vocabulary.idOf(token.slice(-1)), length: 1 }];
}

/** Writes the tokens from `from` on again, cut. */
function expand(sink: TokenSink, from: number, cuts: ReadonlyMap<number, Cut>): void {
  const { length } = sink;
  const [ids, starts, ends] = [sink.ids, sink.starts, sink.ends].map((all) => all.slice(from, length)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  const texts = new Map(sink.texts);
  sink.length = from;
  for (let i = from; i < length; i++) sink.texts?.delete(i);
  ids.forEach((id, i) => {
    let at = starts[i] as number;
    const cut = cuts.get(id);
    const text = texts.get(from + i);
    for (const part of cut ?? []) {
      sink.push(part.id, at, at + part.length);
      at += part.length;
    }
    if (cut !== undefined) return;
    if (text === undefined) sink.push(id, at, ends[i] as number);
    else sink.pushText(id, at, ends[i] as number, text);
  });
}
