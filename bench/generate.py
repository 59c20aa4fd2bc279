"""The Python side of bench/generate.ts: makes the model, and is one of the rivals.

`python generate.py make FOLDER TOKENIZER`: a randomly initialised T5-small (60 million parameters) in the Hugging Face ONNX layout,
int8; TOKENIZER is a folder with a T5 tokenizer.json. Needs torch, transformers, onnx, onnxruntime.
`python generate.py merge FOLDER MERGED`: the same model with one merged decoder, the form transformers.js reads.
`python generate.py loop FOLDER ROWS PROMPT TOKENS THREADS`: the best plain onnxruntime loop: one batch, greedy, the cache handed on;
prints tokens per second of all rows together. Needs onnxruntime and numpy.
`python generate.py torch FOLDER ROWS PROMPT TOKENS BEAMS THREADS`: transformers' own generate in torch, fp32, same shape.
"""

import json
import os
import sys
import time

import numpy as np


def make(folder, tokenizer):
    import shutil

    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import T5Config, T5ForConditionalGeneration

    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/inference/generate"))
    import export

    torch.manual_seed(11)
    special = dict(decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)
    module = T5ForConditionalGeneration(T5Config(vocab_size=32128, d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_decoder_layers=6, num_heads=8, **special)).eval()
    module.config._attn_implementation = "eager"
    os.makedirs(f"{folder}/onnx", exist_ok=True)
    export.write_seq2seq(module, "split", f"{folder}/onnx")
    for stem in ("encoder_model", "decoder_model", "decoder_with_past_model"):
        quantize_dynamic(f"{folder}/onnx/{stem}.onnx", f"{folder}/onnx/{stem}_quantized.onnx", weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True})
        os.remove(f"{folder}/onnx/{stem}.onnx")
    with open(f"{folder}/config.json", "w") as out:
        json.dump({"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "is_encoder_decoder": True, "vocab_size": 32128, "d_model": 512,
                   "num_decoder_layers": 6, "num_heads": 8, "relative_attention_num_buckets": 32, **special}, out)
    with open(f"{folder}/generation_config.json", "w") as out:
        json.dump({**special, "max_length": 65}, out)
    with open(f"{folder}/tokenizer_config.json", "w") as out:
        json.dump({"model_max_length": 512}, out)
    shutil.copy(f"{tokenizer}/tokenizer.json", f"{folder}/tokenizer.json")


def merge(folder, merged):
    import shutil

    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/inference/generate"))
    import export

    shutil.copytree(folder, merged)
    for stem in ("decoder_model", "decoder_with_past_model"):
        os.rename(f"{merged}/onnx/{stem}_quantized.onnx", f"{merged}/onnx/{stem}.onnx")
    names = [f"{layer}.{part}.{kind}" for layer in range(6) for part in ("decoder", "encoder") for kind in ("key", "value")]
    export.merge(f"{merged}/onnx", names)
    os.rename(f"{merged}/onnx/decoder_model_merged.onnx", f"{merged}/onnx/decoder_model_merged_quantized.onnx")


def sessions(folder, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    stems = ("encoder_model", "decoder_model", "decoder_with_past_model")
    return [onnxruntime.InferenceSession(f"{folder}/onnx/{stem}_quantized.onnx", options) for stem in stems]


def prompts(rows, length):
    return np.random.default_rng(7).integers(100, 30_000, (rows, length)).astype(np.int64)


def timed(run, tokens):
    started, cpu = time.perf_counter(), time.process_time()
    run()
    print(json.dumps({"tokensPerSecond": tokens / (time.perf_counter() - started), "tokensPerCpuSecond": tokens / (time.process_time() - cpu)}))


def loop(folder, rows, prompt, tokens, threads):
    encoder, first, past = sessions(folder, threads)
    ids, mask = prompts(rows, prompt), np.ones((rows, prompt), np.int64)
    names = [output.name for output in past.get_outputs()]
    start_names = [output.name for output in first.get_outputs()]

    def run():
        hidden = encoder.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        out = dict(zip(start_names, first.run(None, {"encoder_attention_mask": mask, "input_ids": np.zeros((rows, 1), np.int64), "encoder_hidden_states": hidden})))
        cache = {key.replace("present", "past_key_values"): value for key, value in out.items() if key != "logits"}
        for _ in range(tokens - 1):
            chosen = out["logits"][:, -1].copy()
            chosen[:, 1] = -np.inf  # never the end token: every run is as long
            out = dict(zip(names, past.run(None, {"encoder_attention_mask": mask, "input_ids": chosen.argmax(-1)[:, None], **cache})))
            for key, value in out.items():
                if key != "logits":
                    cache[key.replace("present", "past_key_values")] = value

    run()
    timed(run, rows * tokens)


def in_torch(_folder, rows, prompt, tokens, beams, threads):
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.set_num_threads(threads)
    torch.manual_seed(11)
    module = T5ForConditionalGeneration(T5Config(vocab_size=32128, d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_decoder_layers=6, num_heads=8, decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)).eval()
    ids = torch.from_numpy(prompts(rows, prompt))
    mask = torch.ones_like(ids)

    def run():
        module.generate(ids, attention_mask=mask, max_new_tokens=tokens, min_new_tokens=tokens, num_beams=beams)

    with torch.inference_mode():
        run()
        timed(run, rows * tokens)


if __name__ == "__main__":
    what, folder, *rest = sys.argv[1:]
    if what == "make":
        make(folder, rest[0])
    elif what == "merge":
        merge(folder, rest[0])
    elif what == "loop":
        loop(folder, *map(int, rest))
    else:
        in_torch(folder, *map(int, rest))
