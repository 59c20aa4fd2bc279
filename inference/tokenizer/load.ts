// Loading a tokenizer from a model's folder: tokenizer.json if there is one, else the older files that say the same in
// pieces, which are first put together into what tokenizer.json would hold.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TokenizerError } from './error.js';
import { readMerges } from './merges-file.js';
import { readSentencePiece } from './sentence-piece.js';
import { numberedTokens, settingToken, specialToken, type TokenizerSettings, withSettingTokens } from './settings.js';
import { createTokenizer, type Tokenizer } from './tokenizer.js';
import { tokenizerClass, unsupportedClass } from './tokenizer-class.js';
import { parseTokenizerFile } from './tokenizer-file.js';

/** Loads the tokenizer in `folder`; throws TokenizerError when there is none, or one that is not supported. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const whole = await readIfThere(join(folder, 'tokenizer.json'));
  if (whole !== undefined)
    return createTokenizer(read(() => parseTokenizerFile(whole), join(folder, 'tokenizer.json')));
  const settings = await readSettings(folder);
  const words = await readIfThere(join(folder, 'vocab.txt'));
  if (words !== undefined) return fromPieces(fromWords(words.toString('utf8'), settings), settings);
  const vocabulary = await readIfThere(join(folder, 'vocab.json'));
  const vocab = vocabulary && (parse(vocabulary, join(folder, 'vocab.json')) as Record<string, number>);
  const merges = await readIfThere(join(folder, 'merges.txt'));
  if (vocab !== undefined && merges !== undefined) {
    return fromPieces(readMerges(vocab, merges.toString('utf8'), settings), settings);
  }
  for (const name of ['spiece.model', 'sentencepiece.bpe.model', 'tokenizer.model', 'source.spm', 'spm.model']) {
    const model = await readIfThere(join(folder, name));
    if (model !== undefined) return fromPieces(readSentencePiece(model, { name, settings, vocab }), settings);
  }
  throw new TokenizerError(
    `no tokenizer in ${folder}: it needs tokenizer.json, vocab.txt, vocab.json with merges.txt, or a SentencePiece .model`,
  );
}

/** A tokenizer from what older files say; where the settings give ids of added tokens, they must be the same. */
function fromPieces(json: unknown, settings: TokenizerSettings): Tokenizer {
  const tokenizer = createTokenizer(json);
  for (const { id, content } of numberedTokens(settings)) {
    const own = tokenizer.tokenToId(content);
    if (own === id || content === '') continue;
    throw new TokenizerError(
      `tokenizer_config.json gives ${content} the id ${id}, and by the vocabulary it is ${own}: convert it to tokenizer.json`,
    );
  }
  return tokenizer;
}

/** config.json says the kind of model, and sometimes the tokenizer's class; nothing else of it matters here. */
async function readSettings(folder: string): Promise<TokenizerSettings> {
  const config = await readIfThere(join(folder, 'config.json'));
  const { tokenizer_class, model_type } = (
    config ? parse(config, join(folder, 'config.json')) : {}
  ) as TokenizerSettings;
  const merged: Record<string, unknown> = { tokenizer_class, model_type };
  for (const name of ['special_tokens_map.json', 'tokenizer_config.json']) {
    const bytes = await readIfThere(join(folder, name));
    if (bytes !== undefined) Object.assign(merged, parse(bytes, join(folder, name)));
  }
  return merged;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(bytes: Buffer, path: string): unknown {
  return read(() => JSON.parse(bytes.toString('utf8')), path);
}

function read(parsed: () => unknown, path: string): unknown {
  try {
    return parsed();
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new TokenizerError(`${path} is not JSON`, { cause });
  }
}

/** Tokenizers that are BERT's under another name. */
const BERT_CLASSES = new Set([
  'bert',
  'distilbert',
  'electra',
  'mobilebert',
  'convbert',
  'squeezebert',
  'layoutlm',
  'lxmert',
  'dprcontextencoder',
  'dprquestionencoder',
  'dprreader',
  'nomicbert',
  'retribert',
]);

/** BERT's vocab.txt: one token a line, WordPiece. */
function fromWords(text: string, settings: TokenizerSettings): unknown {
  const name = tokenizerClass(settings);
  if (name !== undefined && !BERT_CLASSES.has(name)) throw unsupportedClass(settings, 'vocab.txt');
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const vocab: Record<string, number> = Object.create(null);
  lines.forEach((line, i) => {
    vocab[line.trimEnd()] = i;
  });
  const token = (name: string, usual: string) => settingToken(settings, name) ?? usual;
  const cls = token('cls_token', '[CLS]');
  const sep = token('sep_token', '[SEP]');
  const unk = token('unk_token', '[UNK]');
  const specials = [token('pad_token', '[PAD]'), unk, cls, sep, token('mask_token', '[MASK]')];
  const around = vocab[cls] !== undefined && vocab[sep] !== undefined;
  return {
    added_tokens: withSettingTokens(
      specials.filter((content) => vocab[content] !== undefined).map((content) => specialToken(content)),
      settings,
    ),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: settings.tokenize_chinese_chars !== false,
      strip_accents: settings.strip_accents ?? null,
      lowercase: settings.do_lower_case !== false,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: around ? { type: 'BertProcessing', sep: [sep, vocab[sep]], cls: [cls, vocab[cls]] } : null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: unk, continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab },
  };
}
