// What tokenizer_config.json and special_tokens_map.json say beside a vocabulary file, and config.json of the kind of model; all
// are optional.

export type TokenizerSettings = Readonly<Record<string, unknown>>;

/** An entry of `added_tokens`. */
export interface AddedTokenEntry {
  content: string;
  special: boolean;
  normalized: boolean;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
}

/** A special token named in the settings, as text. */
export function settingToken(settings: TokenizerSettings, name: string): string | undefined {
  return contentOf(settings[name]);
}

function contentOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const content = (value as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

/** A special token that is nothing more, but for `flags`. */
export function specialToken(content: string, flags: Partial<AddedTokenEntry> = {}): AddedTokenEntry {
  return { content, special: true, normalized: false, single_word: false, lstrip: false, rstrip: false, ...flags };
}

/**
 * `entries` with what the settings add to them: flags of tokens that are there, tokens that are not, those with ids in order of
 * the ids.
 */
export function withSettingTokens(entries: readonly AddedTokenEntry[], settings: TokenizerSettings): AddedTokenEntry[] {
  const byContent = new Map(entries.map((entry) => [entry.content, entry]));
  const add = (value: unknown, special: boolean) => {
    const content = contentOf(value);
    if (content === undefined || content === '') return;
    const given = typeof value === 'object' ? (value as Partial<AddedTokenEntry>) : {};
    const before = byContent.get(content) ?? specialToken(content, { special });
    const flag = (name: Exclude<keyof AddedTokenEntry, 'content'>) =>
      typeof given[name] === 'boolean' ? given[name] : before[name];
    byContent.set(content, {
      content,
      special: flag('special'),
      normalized: flag('normalized'),
      single_word: flag('single_word'),
      lstrip: flag('lstrip'),
      rstrip: flag('rstrip'),
    });
  };
  for (const { token } of numberedTokens(settings)) add(token, false);
  const { additional_special_tokens: additional } = settings;
  for (const token of Array.isArray(additional) ? additional : []) add(token, true);
  return [...byContent.values()];
}

/** Tokens whose ids the settings give, by id. */
export function numberedTokens(settings: TokenizerSettings): { id: number; token: unknown; content: string }[] {
  const { added_tokens_decoder: decoder } = settings;
  if (decoder === null || typeof decoder !== 'object') return [];
  return Object.entries(decoder)
    .map(([id, token]) => ({ id: Number(id), token, content: contentOf(token) ?? '' }))
    .sort((a, b) => a.id - b.id);
}
