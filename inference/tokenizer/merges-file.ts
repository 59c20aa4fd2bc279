// vocab.json with merges.txt as what tokenizer.json would hold: BPE over bytes, and CLIP's and GPT-1's over words that end in </w>.
// Which it is, and what goes around a text, the tokenizer's class says; source: `transformers`, convert_slow_tokenizer.
import { TokenizerError } from './error.js';
import {
  type AddedTokenEntry,
  settingToken,
  specialToken,
  type TokenizerSettings,
  withSettingTokens,
} from './settings.js';
import { templateProcessing } from './template.js';
import { tokenizerClass, unsupportedClass } from './tokenizer-class.js';

type Vocab = Readonly<Record<string, number>>;

/** What a class has besides its vocabulary and merges. */
interface Kind {
  normalizer?: unknown;
  pre_tokenizer: unknown;
  post_processor?: unknown;
  decoder: unknown;
  /** Of the model. */
  bpe?: Record<string, unknown>;
}

type MakeKind = (vocab: Vocab, settings: TokenizerSettings) => Kind;

const SUFFIX = '</w>';
const BYTES = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true };
const BARE = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false };
const CLIP_WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
const QWEN_WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** RoBERTa and its kin put <s> and </s> around. */
const roberta: MakeKind = (vocab, settings) => {
  const spaced = settings.add_prefix_space === true;
  return {
    pre_tokenizer: { ...BYTES, add_prefix_space: spaced },
    post_processor: {
      type: 'RobertaProcessing',
      cls: named(vocab, settings, 'cls_token', '<s>'),
      sep: named(vocab, settings, 'sep_token', '</s>'),
      trim_offsets: true,
      add_prefix_space: spaced,
    },
    decoder: BYTES,
  };
};

const gpt2: MakeKind = (vocab, settings) => {
  const [bos, id] = named(vocab, settings, 'bos_token', '<|endoftext|>');
  const begins = settings.add_bos_token === true;
  return {
    pre_tokenizer: { ...BYTES, add_prefix_space: settings.add_prefix_space === true },
    post_processor: begins ? templateProcessing(`${bos} $A`, `${bos} $A $B:1`, () => id) : BARE,
    decoder: BYTES,
  };
};

const deberta: MakeKind = (vocab, settings) => {
  const [cls, clsId] = named(vocab, settings, 'cls_token', '[CLS]');
  const [sep, sepId] = named(vocab, settings, 'sep_token', '[SEP]');
  const single = `${cls} $A ${sep}`;
  return {
    pre_tokenizer: { ...BYTES, add_prefix_space: settings.add_prefix_space === true },
    post_processor: templateProcessing(single, `${single} $B:1 ${sep}:1`, (token) => (token === cls ? clsId : sepId)),
    decoder: BYTES,
  };
};

const qwen2: MakeKind = () => ({
  normalizer: { type: 'NFC' },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: QWEN_WORDS }, behavior: 'Isolated', invert: false },
      { ...BYTES, add_prefix_space: false, use_regex: false },
    ],
  },
  post_processor: BARE,
  decoder: BYTES,
});

const clip: MakeKind = (vocab, settings) => ({
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'NFC' },
      { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
      { type: 'Lowercase' },
    ],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: CLIP_WORDS }, behavior: 'Removed', invert: true },
      { ...BYTES, add_prefix_space: false },
    ],
  },
  post_processor: {
    type: 'RobertaProcessing',
    cls: named(vocab, settings, 'bos_token', '<|startoftext|>'),
    sep: named(vocab, settings, 'eos_token', '<|endoftext|>'),
    trim_offsets: false,
    add_prefix_space: false,
  },
  decoder: {
    type: 'Sequence',
    decoders: [
      BYTES,
      { type: 'Replace', pattern: { String: SUFFIX }, content: ' ' },
      { type: 'Strip', content: ' ', start: 0, stop: 1 },
    ],
  },
  bpe: {
    unk_token: settingToken(settings, 'unk_token') ?? '<|endoftext|>',
    continuing_subword_prefix: '',
    end_of_word_suffix: SUFFIX,
  },
});

const openAiGpt: MakeKind = (_, settings) => ({
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  decoder: { type: 'BPEDecoder', suffix: SUFFIX },
  bpe: { unk_token: settingToken(settings, 'unk_token') ?? '<unk>', end_of_word_suffix: SUFFIX },
});

const KINDS: Readonly<Record<string, MakeKind>> = {
  gpt2,
  codegen: gpt2,
  gptj: gpt2,
  roberta,
  bart: roberta,
  led: roberta,
  longformer: roberta,
  mvp: roberta,
  deberta,
  qwen2,
  clip,
  openaigpt: openAiGpt,
};

/** The content of tokenizer.json. Throws TokenizerError for a class that is not known here. */
export function readMerges(vocab: Vocab, text: string, settings: TokenizerSettings): unknown {
  const { bpe, ...kind } = kindOf(vocab, settings)(vocab, settings);
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'));
  return {
    added_tokens: withSettingTokens(addedTokens(vocab, settings), settings),
    ...kind,
    model: { type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, vocab, merges: lines, ...bpe },
  };
}

/** Where nothing names a class: what its tokens look like. */
function kindOf(vocab: Vocab, settings: TokenizerSettings): MakeKind {
  const name = tokenizerClass(settings);
  if (name !== undefined) {
    const kind = KINDS[name];
    if (kind === undefined) throw unsupportedClass(settings, 'vocab.json with merges.txt');
    return kind;
  }
  if (Object.keys(vocab).some((token) => token.endsWith(SUFFIX) && token !== SUFFIX)) {
    throw unsupportedClass(settings, 'vocab.json with merges.txt, whose words end in </w>,');
  }
  const cls = settingToken(settings, 'cls_token') ?? '<s>';
  const sep = settingToken(settings, 'sep_token') ?? '</s>';
  return vocab[cls] !== undefined && vocab[sep] !== undefined ? roberta : gpt2;
}

function addedTokens(vocab: Vocab, settings: TokenizerSettings): AddedTokenEntry[] {
  const name = tokenizerClass(settings);
  const named = ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'cls_token', 'sep_token', 'mask_token']
    .map((name) => settingToken(settings, name))
    .filter((content) => content !== undefined);
  const usual = ['<s>', '<pad>', '</s>', '<unk>', '<mask>', '<|startoftext|>', '<|endoftext|>'];
  const bert = ['[CLS]', '[SEP]', '[PAD]', '[UNK]', '[MASK]'];
  const contents = [...new Set([...named, ...usual, ...bert])].filter((content) => vocab[content] !== undefined);
  return contents.map((content) =>
    specialToken(content, {
      lstrip: content === '<mask>' || content === '[MASK]',
      // CLIP's are found in the text as it is normalized: in capitals too.
      normalized: name === 'clip',
    }),
  );
}

/** A special token and its id. */
function named(vocab: Vocab, settings: TokenizerSettings, setting: string, usual: string): [string, number] {
  const token = settingToken(settings, setting) ?? usual;
  const id = vocab[token];
  if (id === undefined) throw new TokenizerError(`vocab.json lacks the ${setting} ${token}`);
  return [token, id];
}
