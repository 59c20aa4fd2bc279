"""Randomly initialised exports of the shapes that are in use, decoded by transformers: the vocabularies, widths and heads of t5-small,
bart-base, opus-mt, pegasus-large and SmolLM-135M (pegasus with a quarter of its layers, which changes no product's shape).

They take gigabytes, so they are made outside the tree: `python full_shapes.py FOLDER [name ...]` writes each model and its
expected.json there, and `node dist/test/inference/generate/full-shapes.js FOLDER` compares and prints the table of
bench/results/generate.md. Needs what reference.py needs.
"""

import json
import os
import sys

import numpy as np
import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    MarianConfig,
    MarianMTModel,
    PegasusConfig,
    PegasusForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
)

import export
import reference


def seq2seq(width, inner, layers, heads, positions):
    return dict(d_model=width, encoder_layers=layers, decoder_layers=layers, encoder_attention_heads=heads,
                decoder_attention_heads=heads, encoder_ffn_dim=inner, decoder_ffn_dim=inner, max_position_embeddings=positions)


def shapes():
    """name -> (class, config, generation_config, layout, width)"""
    t5 = dict(decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)
    bart = dict(bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2)
    marian = dict(eos_token_id=0, pad_token_id=65000, decoder_start_token_id=65000)
    pegasus = dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    llama = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0)
    return {
        "t5": (T5ForConditionalGeneration, T5Config(
            vocab_size=32128, d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_decoder_layers=6, num_heads=8, **t5),
            t5, "split", 512),
        "bart": (BartForConditionalGeneration, BartConfig(
            vocab_size=50265, **seq2seq(768, 3072, 6, 12, 1024), **bart, forced_eos_token_id=None),
            dict(**bart, forced_bos_token_id=0, forced_eos_token_id=2, no_repeat_ngram_size=3, num_beams=4,
                 early_stopping=True, max_length=30), "split", 768),
        "marian": (MarianMTModel, MarianConfig(
            vocab_size=65001, **seq2seq(512, 2048, 6, 8, 512), **marian, scale_embedding=True),
            dict(**marian, bad_words_ids=[[65000]], num_beams=4, max_length=30, forced_eos_token_id=0, renormalize_logits=True),
            "merged", 512),
        "pegasus": (PegasusForConditionalGeneration, PegasusConfig(
            vocab_size=96103, **seq2seq(1024, 4096, 4, 16, 512), **pegasus, scale_embedding=True),
            dict(**pegasus, num_beams=3, length_penalty=0.8, max_length=30, forced_eos_token_id=1), "merged", 1024),
        "llama": (LlamaForCausalLM, LlamaConfig(
            vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
            num_key_value_heads=3, max_position_embeddings=2048, tie_word_embeddings=True, **llama),
            dict(**llama, max_length=160), "decoder", 576),
    }


SETS = [
    {"max_new_tokens": 24},
    {"max_length": 50, "num_return_sequences": 1, "no_repeat_ngram_size": 2},
    {"max_length": 50, "num_return_sequences": 1, "no_repeat_ngram_size": 2, "num_beams": 4},
    {"max_new_tokens": 16, "num_beams": 4, "num_return_sequences": 4, "length_penalty": 0.6, "renormalize_logits": True,
     "bad_words_ids": [[11], [40, 41]]},
    {"max_new_tokens": 20, "repetition_penalty": 1.3},
]


def main(root, names):
    for name, (cls, config, generation, layout, width) in shapes().items():
        if names and name not in names:
            continue
        folder = f"{root}/{name}"
        # As wide as the small fixtures' for their width of 24: neither all ties nor one token for ever.
        scale = 0.35 * (24 / width) ** 0.5
        module = export.initialised(name, cls, config, scale)
        os.makedirs(folder, exist_ok=True)
        export.write_folder(folder, module, generation, layout)
        with open(f"{folder}/tokenizer_config.json", "w") as out:
            json.dump({"model_max_length": 512}, out)
        generator = np.random.default_rng(3)
        ends = [] if layout == "decoder" else [generation["eos_token_id"]]
        inputs = [[*(int(each) for each in generator.integers(6, config.vocab_size - 3, length)), *ends] for length in (20, 90)]
        plain = reference.over_sessions(module, folder, generation)
        reference.write(f"{folder}/expected.json", reference.cases(plain, inputs, SETS if layout == "decoder" else [{}, *SETS]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], sys.argv[2:])
