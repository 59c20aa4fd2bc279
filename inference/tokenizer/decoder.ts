// Decoders: from token texts back to text. Each turns a list of strings into another; the last list is joined.
import { charToByte } from './byte-level.js';
import { TokenizerError } from './error.js';
import { compilePattern } from './regex/pattern.js';

export type Decoder = (tokens: string[]) => string[];

/** Builds the `decoder` of a tokenizer file. */
export function createDecoder(json: unknown): Decoder | undefined {
  if (json === null || json === undefined) return undefined;
  const config = json as Record<string, unknown>;
  switch (config.type) {
    case 'Sequence': {
      const parts = (config.decoders as unknown[]).map(createDecoder).filter((d) => d !== undefined);
      return (tokens) => parts.reduce((done, part) => part(done), tokens);
    }
    case 'ByteLevel':
      return decodeByteLevel;
    case 'WordPiece':
      return wordPiece(String(config.prefix), config.cleanup === true);
    case 'Metaspace':
      return metaspace(config);
    case 'BPEDecoder':
      return (tokens) =>
        tokens.map((token, i) => token.replaceAll(String(config.suffix), i === tokens.length - 1 ? '' : ' '));
    case 'CTC':
      return ctc(String(config.pad_token), String(config.word_delimiter_token), config.cleanup === true);
    case 'Replace':
      return replace(config);
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Strip':
      return strip(String(config.content), Number(config.start), Number(config.stop));
    case 'ByteFallback':
      return decodeByteFallback;
    default:
      throw new TokenizerError(`the decoder ${String(config.type)} is not supported`);
  }
}

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();

function decodeByteLevel(tokens: string[]): string[] {
  const bytes: number[] = [];
  for (const token of tokens) {
    const before = bytes.length;
    for (let i = 0; i < token.length; i++) {
      const byte = charToByte[token.charCodeAt(i)] ?? -1;
      if (byte < 0) {
        // Not in the alphabet: the token's own bytes.
        bytes.length = before;
        for (const own of encoder.encode(token)) bytes.push(own);
        break;
      }
      bytes.push(byte);
    }
  }
  return [lossy.decode(Uint8Array.from(bytes))];
}

function cleanup(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(' do not', " don't")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

function wordPiece(prefix: string, cleans: boolean): Decoder {
  return (tokens) =>
    tokens.map((token, i) => {
      let text = token;
      if (i !== 0) text = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleans ? cleanup(text) : text;
    });
}

function metaspace(config: Record<string, unknown>): Decoder {
  const replacement = String(config.replacement);
  const scheme = config.add_prefix_space === false ? 'never' : (config.prepend_scheme ?? 'always');
  return (tokens) => tokens.map((token, i) => token.replaceAll(replacement, i === 0 && scheme !== 'never' ? '' : ' '));
}

function ctc(pad: string, delimiter: string, cleans: boolean): Decoder {
  return (tokens) => {
    const out: string[] = [];
    tokens.forEach((token, i) => {
      if (i > 0 && token === tokens[i - 1]) return;
      let text = pad === '' ? token : token.replaceAll(pad, '');
      if (cleans) text = cleanup(text).replaceAll(delimiter, ' ');
      if (text !== '') out.push(text);
    });
    return out;
  };
}

function replace(config: Record<string, unknown>): Decoder {
  const pattern = compilePattern(config.pattern);
  const content = String(config.content);
  return (tokens) =>
    tokens.map((token) => {
      if (token === '') return token;
      let out = '';
      let from = 0;
      pattern.matches(token, (start, end) => {
        out += token.slice(from, start) + content;
        from = end;
      });
      return out + token.slice(from);
    });
}

function strip(content: string, start: number, stop: number): Decoder {
  return (tokens) =>
    tokens.map((token) => {
      const characters = [...token];
      let from = 0;
      while (from < start && from < characters.length && characters[from] === content) from++;
      let to = characters.length;
      while (characters.length - to < stop && to > from && characters[to - 1] === content) to--;
      return characters.slice(from, to).join('');
    });
}

function decodeByteFallback(tokens: string[]): string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      out.push(strict.decode(Uint8Array.from(bytes)));
    } catch {
      for (let i = 0; i < bytes.length; i++) out.push('\ufffd');
    }
    bytes = [];
  };
  for (const token of tokens) {
    const found = /^<0x(\+[0-9A-Fa-f]|[0-9A-Fa-f]{2})>$/.exec(token);
    if (found !== null) bytes.push(Number.parseInt(found[1] as string, 16));
    else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
}
