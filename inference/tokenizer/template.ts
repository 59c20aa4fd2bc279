// The post-processor of a tokenizer file from a line that shows it: "[CLS] $A [SEP] $B:1 [SEP]:1". ":1" is the type id of what
// stands there, else 0.

/** `idOf` gives the ids of special tokens, and throws where there is none. */
export function templateProcessing(single: string, pair: string, idOf: (token: string) => number): unknown {
  const special: Record<string, unknown> = {};
  const parse = (line: string) =>
    line.split(' ').map((part) => {
      const typeId = part.endsWith(':1') ? 1 : 0;
      const id = typeId === 1 ? part.slice(0, -2) : part;
      if (id === '$A' || id === '$B') return { Sequence: { id: id.slice(1), type_id: typeId } };
      special[id] = { id, ids: [idOf(id)], tokens: [id] };
      return { SpecialToken: { id, type_id: typeId } };
    });
  return { type: 'TemplateProcessing', single: parse(single), pair: parse(pair), special_tokens: special };
}
