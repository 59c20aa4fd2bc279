// What tokenizer_config.json and special_tokens_map.json say beside a vocabulary file; both are optional.

export type TokenizerSettings = Readonly<Record<string, unknown>>;

/** A special token named in the settings, as text. */
export function settingToken(settings: TokenizerSettings, name: string): string | undefined {
  const value = settings[name];
  if (typeof value === 'string') return value;
  const content = (value as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}
