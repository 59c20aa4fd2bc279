// Loading a tokenizer from a model's folder: tokenizer.json if there is one, else the older files that say the same in
// pieces, which are first put together into what tokenizer.json would hold.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TokenizerError } from './error.js';
import { readSentencePiece } from './sentence-piece.js';
import { settingToken, type TokenizerSettings } from './settings.js';
import { createTokenizer, type Tokenizer } from './tokenizer.js';
import { parseTokenizerFile } from './tokenizer-file.js';

/** Loads the tokenizer in `folder`; throws TokenizerError when there is none, or one that is not supported. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const whole = await readIfThere(join(folder, 'tokenizer.json'));
  if (whole !== undefined)
    return createTokenizer(read(() => parseTokenizerFile(whole), join(folder, 'tokenizer.json')));
  const settings = await readSettings(folder);
  const words = await readIfThere(join(folder, 'vocab.txt'));
  if (words !== undefined) return createTokenizer(fromWords(words.toString('utf8'), settings));
  const vocabulary = await readIfThere(join(folder, 'vocab.json'));
  const merges = await readIfThere(join(folder, 'merges.txt'));
  if (vocabulary !== undefined && merges !== undefined) {
    const ids = parse(vocabulary, join(folder, 'vocab.json')) as Record<string, number>;
    return createTokenizer(fromMerges(ids, merges.toString('utf8'), settings));
  }
  for (const name of ['spiece.model', 'sentencepiece.bpe.model', 'tokenizer.model', 'source.spm', 'spm.model']) {
    const model = await readIfThere(join(folder, name));
    if (model !== undefined) return createTokenizer(readSentencePiece(model, settings));
  }
  throw new TokenizerError(
    `no tokenizer in ${folder}: it needs tokenizer.json, vocab.txt, vocab.json with merges.txt, or a SentencePiece .model`,
  );
}

async function readSettings(folder: string): Promise<TokenizerSettings> {
  const merged: Record<string, unknown> = {};
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

/** BERT's vocab.txt: one token a line, WordPiece. */
function fromWords(text: string, settings: TokenizerSettings): unknown {
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
    added_tokens: specials.filter((content) => vocab[content] !== undefined).map((content) => special(content)),
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

/** GPT-2's and RoBERTa's vocab.json with merges.txt: byte-level BPE. CLIP's and GPT-1's end words with </w>. */
function fromMerges(vocab: Record<string, number>, text: string, settings: TokenizerSettings): unknown {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'));
  const cls = settingToken(settings, 'cls_token') ?? '<s>';
  const sep = settingToken(settings, 'sep_token') ?? '</s>';
  const named = ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'cls_token', 'sep_token', 'mask_token']
    .map((name) => settingToken(settings, name))
    .filter((content) => content !== undefined);
  const usual = ['<s>', '<pad>', '</s>', '<unk>', '<mask>', '<|endoftext|>'];
  const contents = [...new Set([...named, ...usual])].filter((content) => vocab[content] !== undefined);
  const prefix = settings.add_prefix_space === true;
  // RoBERTa and its kin put <s> and </s> around; GPT-2 puts nothing.
  const around = vocab[cls] !== undefined && vocab[sep] !== undefined;
  return {
    added_tokens: contents.map((content) => special(content, content === '<mask>')),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: true },
    post_processor: around
      ? {
          type: 'RobertaProcessing',
          sep: [sep, vocab[sep]],
          cls: [cls, vocab[cls]],
          trim_offsets: true,
          add_prefix_space: prefix,
        }
      : { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true },
    model: { type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, vocab, merges: lines },
  };
}

function special(content: string, lstrip = false): Record<string, unknown> {
  return { content, special: true, normalized: false, single_word: false, lstrip, rstrip: false };
}
