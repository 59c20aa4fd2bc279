// Which of the `transformers` tokenizers a folder's older files are for. Vocabulary files alone do not say which id a piece has,
// how a text is prepared, or which special tokens go around it: the class named in tokenizer_config.json says it, or else
// the kind of model in config.json.
import { TokenizerError } from './error.js';
import type { TokenizerSettings } from './settings.js';

/** Names that say only which library reads the file. */
const SAYS_NOTHING = new Set(['PreTrainedTokenizer', 'PreTrainedTokenizerFast', 'TokenizersBackend']);

/** Classes by model type, where they are not called alike. */
const CLASS_OF_TYPE: Readonly<Record<string, string>> = {
  'xlm-roberta': 'xlmroberta',
  'xlm-roberta-xl': 'xlmroberta',
  'deberta-v2': 'debertav2',
  'openai-gpt': 'openaigpt',
  clip_text_model: 'clip',
  m2m_100: 'm2m100',
  gpt_neo: 'gpt2',
  opt: 'gpt2',
  mt5: 't5',
  umt5: 't5',
  longt5: 't5',
  mistral: 'llama',
  mixtral: 'llama',
  gemma2: 'gemma',
};

/** "XLMRobertaTokenizerFast" and "xlm-roberta" are both "xlmroberta"; undefined where the settings say nothing. */
export function tokenizerClass(settings: TokenizerSettings): string | undefined {
  const { tokenizer_class: named, model_type: type } = settings;
  if (typeof named === 'string' && named !== '' && !SAYS_NOTHING.has(named)) {
    return named.replace(/Tokenizer(?:Fast)?$/, '').toLowerCase();
  }
  if (typeof type !== 'string' || type === '') return undefined;
  return CLASS_OF_TYPE[type] ?? type.replace(/[-_]/g, '').toLowerCase();
}

/** The error for a class whose way with a file is not known here. `file`: "vocab.txt". */
export function unsupportedClass(settings: TokenizerSettings, file: string): TokenizerError {
  const { tokenizer_class: named, model_type: type } = settings;
  const said = tokenizerClass(settings);
  const what = said === undefined ? undefined : typeof named === 'string' && !SAYS_NOTHING.has(named) ? named : type;
  return new TokenizerError(
    what === undefined
      ? `${file} alone does not say which ids its pieces have: name tokenizer_class in tokenizer_config.json, or convert it to tokenizer.json`
      : `${file} of ${String(what)} is not supported: convert it to tokenizer.json (save_pretrained of its fast tokenizer)`,
  );
}
