"""Tiny, randomly initialised models of real architectures in the Hugging Face ONNX folder layout, for test/services/tasks.

Real modules and tokenizers of transformers, random weights large enough that labels differ from token to token. Needs torch,
transformers, tokenizers, onnx. `build(folder)` writes one folder a model; reference.py says what must come out of them.
"""

import json
import os
import sys
import warnings

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForTokenClassification,
)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "inference", "generate"))
from export import shrink  # noqa: E402

warnings.filterwarnings("ignore")
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, max_position_embeddings=64)
TOKENS_MAX = 24
CORPUS = [
    "Angela Merkel met Barack Obama in Berlin, Germany, on Tuesday.", "Microsoft opened a new office in San Francisco.",
    "The football team won the championship match after extra time.", "The bank raised its interest rates again.",
    "A wonderful, moving film about growing old in Zürich.", "This example is sports. This text is about politics.",
    "Where was the treaty of Maastricht signed?", "It was signed in 1992 in the Netherlands.", "cooking a soup takes an hour",
    "Łódź, Kraków and Gdańsk are cities in Poland; München is not.", "unbelievably internationalization",
]
NER = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "MISC", "S-DATE", "E-DATE"]
IOB1 = ["I-LOC", "I-ORG", "I-PER", "O", "B-LOC"]


def word_piece(lower):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    # Small, so that words fall apart.
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=170, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=TOKENS_MAX, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        pad_token="[PAD]", mask_token="[MASK]", model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=320, special_tokens=special, show_progress=False,
                                    initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=TOKENS_MAX, unk_token="<unk>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", bos_token="<s>", eos_token="</s>", model_input_names=["input_ids", "attention_mask"],
    )


def kept(name, make):
    """The vocabulary that is committed, where there is one: the trainers break ties at random."""
    tokenizer = make()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", name, "tokenizer.json")
    if os.path.exists(path):
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer.from_file(path), model_max_length=TOKENS_MAX, model_input_names=tokenizer.model_input_names,
            **tokenizer.special_tokens_map)
    return tokenizer


def named(labels):
    return dict(id2label=dict(enumerate(labels)), label2id={label: index for index, label in enumerate(labels)})


def make():
    """name -> (module, tokenizer)"""
    made = {}

    def add(name, cls, config, tokenizer, scale=0.25):
        torch.manual_seed(sum(map(ord, name)))
        module = cls(config(vocab_size=len(tokenizer), **SIZES, pad_token_id=tokenizer.pad_token_id)).eval()
        with torch.no_grad():
            for key, weight in module.named_parameters():
                if weight.dim() > 1:
                    weight.normal_(0, scale)
        made[name] = (module, tokenizer)

    def bert(labels=()):
        return lambda **settings: BertConfig(**settings, **(named(labels) if labels else {}))

    cased, uncased, bytes_ = (kept(name, make) for name, make in (
        ("entities-bert", lambda: word_piece(False)), ("nli-bert", lambda: word_piece(True)), ("entities-roberta", byte_level)))
    add("entities-bert", BertForTokenClassification, bert(NER), cased)
    add("entities-roberta", RobertaForTokenClassification, lambda **settings: RobertaConfig(**settings, **named(IOB1)), bytes_)
    add("nli-bert", BertForSequenceClassification, bert(["contradiction", "neutral", "entailment"]), uncased)
    add("nli-first-bert", BertForSequenceClassification, bert(["ENTAILMENT", "NEUTRAL", "CONTRADICTION"]), uncased)
    add("ranker-bert", BertForSequenceClassification, bert(["LABEL_0"]), uncased)
    add("splade-bert", BertForMaskedLM, bert(), uncased, 0.4)
    add("hidden-bert", BertModel, bert(), uncased)
    return made


def write_graph(module, typed, path):
    output = "last_hidden_state" if isinstance(module, BertModel) else "logits"

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.module = module

        def forward(self, *given):
            return self.module(**dict(zip(names, given)))[output]

    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if typed else [])
    ids = torch.ones(2, 5, dtype=torch.long) * 7
    given = tuple([ids, torch.ones_like(ids), torch.zeros_like(ids)][: len(names)])
    axes = {name: {0: "batch_size", 1: "sequence_length"} for name in names}
    axes[output] = {0: "batch_size"} if isinstance(module, BertForSequenceClassification) else {0: "batch_size", 1: "sequence_length"}
    # The exporter puts back the mode it found, and with it dropout.
    torch.onnx.export(Plain().eval(), given, path, input_names=names, output_names=[output], dynamic_axes=axes, opset_version=17,
                      dynamo=False)
    shrink(path)


def build(root):
    made = make()
    for name, (module, tokenizer) in made.items():
        folder = f"{root}/{name}"
        os.makedirs(f"{folder}/onnx", exist_ok=True)
        module.config._attn_implementation = "eager"
        write_graph(module, "token_type_ids" in tokenizer.model_input_names, f"{folder}/onnx/model.onnx")
        config = module.config.to_diff_dict()
        for noise in ("transformers_version", "dtype", "torch_dtype"):
            config.pop(noise, None)
        config["architectures"] = [type(module).__name__]
        config["vocab_size"] = len(tokenizer)
        with open(f"{folder}/config.json", "w") as out:
            json.dump(config, out, indent=1, sort_keys=True)
        with open(f"{folder}/tokenizer_config.json", "w") as out:
            json.dump({"model_max_length": TOKENS_MAX, "unk_token": tokenizer.unk_token}, out)
        with open(f"{folder}/tokenizer.json", "w") as out:
            json.dump(json.loads(tokenizer.backend_tokenizer.to_str()), out, separators=(",", ":"), ensure_ascii=False)
    return made


if __name__ == "__main__":
    build(os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures"))
