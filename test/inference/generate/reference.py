"""Decodes with Python transformers on the very ONNX files that the tests run, and writes what must come out.

transformers' own `generate` drives onnxruntime sessions (one step with the cache each, as any server does), so the ids, scores
and log-probabilities are those of its decoding on those files and not of other weights. Needs torch, transformers, onnx,
onnxruntime. Run: `python reference.py [../shared]`: rewrites fixtures/ (small random models and their expected.json), and
with the shared folder also reference/ for the models that lie there.
"""

import json
import os
import sys
import types

import numpy as np
import onnxruntime
import torch
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput, Seq2SeqLMOutput

import export

HALF = np.float16
HERE = os.path.dirname(os.path.abspath(__file__))


def session(folder, *stems):
    for stem in stems:
        for suffix in ("", "_quantized", "_fp16"):
            path = f"{folder}/onnx/{stem}{suffix}.onnx"
            if os.path.exists(path):
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = 1
                return onnxruntime.InferenceSession(path, options)
    return None


class Sessions:
    """Logits after a prefix, the cache of every prefix kept: what beams, forks and reorders need, and no code of theirs."""

    def __init__(self, folder):
        self.encoder = session(folder, "encoder_model")
        self.merged = session(folder, "decoder_model_merged")
        self.first = session(folder, "decoder_model")
        self.past = session(folder, "decoder_with_past_model")
        self.causal = session(folder, "model")
        self.caches = {}

    def encode(self, ids, mask):
        return self.encoder.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0]

    def run(self, model, feeds, outputs=None):
        names = [output.name for output in model.get_outputs()]
        wanted = {each.name for each in model.get_inputs()}
        return dict(zip(names, model.run(names, {key: value for key, value in feeds.items() if key in wanted})))

    def seq2seq(self, prefixes, hidden, mask):
        rows, length = prefixes.shape
        feeds = {"encoder_attention_mask": mask, "encoder_hidden_states": hidden}
        model = self.merged
        if length == 1:
            model = model or self.first
            feeds["input_ids"] = prefixes
            feeds["use_cache_branch"] = np.array([False])
            for value in model.get_inputs():
                if value.name.startswith("past"):
                    feeds[value.name] = np.zeros((rows, value.shape[1], 1, value.shape[3]), HALF if "16" in value.type else np.float32)
        else:
            model = model or self.past
            feeds["input_ids"] = prefixes[:, -1:]
            feeds["use_cache_branch"] = np.array([True])
            before = [self.caches[tuple(prefix[:-1])] for prefix in prefixes]
            for key in before[0]:
                feeds[key] = np.stack([cache[key] for cache in before])
        out = self.run(model, feeds)
        for row, prefix in enumerate(prefixes):
            cache = {} if length == 1 else dict(self.caches[tuple(prefix[:-1])])
            for key, value in out.items():
                if key.startswith("present") and value.shape[0] == rows:
                    cache[key.replace("present", "past_key_values")] = value[row]
            self.caches[tuple(prefix)] = cache
        return out["logits"][:, -1:].astype(np.float32)

    def decoder_only(self, prefixes, prompt):
        rows, length = prefixes.shape
        feeds = {}
        seen = 0 if length == prompt else length - 1
        if seen:
            before = [self.caches[tuple(prefix[:-1])] for prefix in prefixes]
        for value in self.causal.get_inputs():
            if value.name.startswith("past"):
                shape = (rows, value.shape[1], 0, value.shape[3])
                feeds[value.name] = np.stack([cache[value.name] for cache in before]) if seen else np.zeros(shape, HALF if "16" in value.type else np.float32)
        feeds["input_ids"] = prefixes[:, seen:]
        feeds["attention_mask"] = np.ones((rows, length), np.int64)
        feeds["position_ids"] = np.tile(np.arange(seen, length), (rows, 1))
        out = self.run(self.causal, feeds)
        for row, prefix in enumerate(prefixes):
            self.caches[tuple(prefix)] = {
                key.replace("present", "past_key_values"): value[row] for key, value in out.items() if key.startswith("present")
            }
        return out["logits"][:, -1:].astype(np.float32)


def over_sessions(module, folder, generation):
    """The module with its arithmetic replaced by the sessions of a folder; its `generate` stays transformers' own."""
    sessions = Sessions(folder)
    module.generation_config = GenerationConfig(**generation)
    module.sessions = sessions
    if not module.config.is_encoder_decoder:

        def forward(self, input_ids=None, attention_mask=None, **rest):
            return CausalLMOutput(logits=torch.from_numpy(sessions.decoder_only(input_ids.numpy(), self.prompt)))

        module.forward = types.MethodType(forward, module)
        return module

    class Encoder(torch.nn.Module):
        main_input_name = "input_ids"

        def forward(self, input_ids=None, attention_mask=None, **rest):
            return BaseModelOutput(last_hidden_state=torch.from_numpy(sessions.encode(input_ids, attention_mask)))

    encoder = Encoder()
    module.get_encoder = lambda *given, **named: encoder

    def forward(self, input_ids=None, attention_mask=None, decoder_input_ids=None, encoder_outputs=None, **rest):
        hidden = encoder_outputs[0].numpy()
        return Seq2SeqLMOutput(logits=torch.from_numpy(sessions.seq2seq(decoder_input_ids.numpy(), hidden, attention_mask.numpy())))

    module.forward = types.MethodType(forward, module)
    return module


def decode(module, ids, parameters, tokenizer=None):
    """What transformers generates for one input: its results, best first, without start token, prompt and padding."""
    module.sessions.caches = {}
    module.prompt = len(ids)
    given = torch.tensor([ids])
    out = module.generate(
        given, attention_mask=torch.ones_like(given), use_cache=False, return_dict_in_generate=True, output_scores=True,
        **({"tokenizer": tokenizer} if "stop_strings" in parameters else {}), **parameters)
    beams = getattr(out, "beam_indices", None)
    transitions = (
        module.compute_transition_scores(out.sequences, out.scores, beams, normalize_logits=False)
        if beams is not None
        else module.compute_transition_scores(out.sequences, out.scores, normalize_logits=True))
    start = 1 if module.config.is_encoder_decoder else len(ids)
    ends = module.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    results = []
    for row, sequence in enumerate(out.sequences.tolist()):
        length = len(sequence) - start
        if beams is not None:
            length = int((beams[row] >= 0).sum())
        else:
            for place, token in enumerate(sequence[start:]):
                if token in ends:
                    length = place + 1
                    break
        logprobs = transitions[row][:length].tolist()
        score = out.sequences_scores[row].item() if beams is not None else sum(logprobs)
        results.append({"ids": sequence[start : start + length], "score": round(score, 5), "logprobs": [round(each, 3) for each in logprobs]})
    return results


GREEDY = [
    {"max_new_tokens": 24},
    {"max_length": 50, "num_return_sequences": 1, "no_repeat_ngram_size": 2},
    {"max_new_tokens": 16, "min_new_tokens": 12},
    {"max_length": 20, "min_length": 15},
    {"max_new_tokens": 20, "repetition_penalty": 1.4},
    {"max_new_tokens": 20, "no_repeat_ngram_size": 1},
    {"max_new_tokens": 20, "no_repeat_ngram_size": 3, "repetition_penalty": 1.1},
    {"max_new_tokens": 12, "forced_eos_token_id": 5},
    {"max_new_tokens": 12, "suppress_tokens": [7, 8, 9, 20, 21, 22], "begin_suppress_tokens": [30, 31, 32]},
    {"max_new_tokens": 16, "bad_words_ids": [[11], [40, 41], [3, 4, 5]]},
]
BEAMS = [
    {"max_new_tokens": 24, "num_beams": 4},
    {"max_length": 50, "num_return_sequences": 1, "no_repeat_ngram_size": 2, "num_beams": 4},
    {"max_new_tokens": 16, "num_beams": 4, "num_return_sequences": 4, "length_penalty": 0.6},
    {"max_new_tokens": 16, "num_beams": 3, "num_return_sequences": 2, "early_stopping": True},
    {"max_new_tokens": 16, "num_beams": 3, "num_return_sequences": 3, "early_stopping": "never", "length_penalty": 2.0},
    {"max_new_tokens": 16, "num_beams": 5, "num_return_sequences": 2, "early_stopping": "never", "length_penalty": -1.0},
    {"max_new_tokens": 14, "num_beams": 2, "min_new_tokens": 10, "repetition_penalty": 1.3},
    {"max_new_tokens": 20, "num_beams": 4, "length_penalty": 0.0, "no_repeat_ngram_size": 2, "num_return_sequences": 3},
    {"max_new_tokens": 16, "num_beams": 3, "num_return_sequences": 3, "renormalize_logits": True, "no_repeat_ngram_size": 1,
     "bad_words_ids": [[11], [40, 41], [21], [33]], "min_new_tokens": 6},
]
ENCODER = [
    {"max_new_tokens": 16, "encoder_no_repeat_ngram_size": 2},
    {"max_new_tokens": 16, "encoder_no_repeat_ngram_size": 1, "num_beams": 3, "num_return_sequences": 2},
    {"max_new_tokens": 10, "forced_bos_token_id": 12, "num_beams": 2, "num_return_sequences": 2},
]


def cases(module, inputs, parameter_sets, tokenizer=None):
    found = []
    for parameters in parameter_sets:
        for ids in inputs:
            if not module.config.is_encoder_decoder and "max_length" in parameters:
                parameters = {**parameters, "max_length": parameters["max_length"] + len(ids)}
            found.append({"ids": ids, "parameters": parameters, "results": decode(module, ids, parameters, tokenizer)})
    return found


def inputs_for(generator, end, count=3):
    lengths = [4, 9, 17][:count]
    return [[*(int(each) for each in generator.integers(6, export.VOCAB - 3, length)), *end] for length in lengths]


def distributions():
    """Probabilities after transformers' warpers: what sampling must draw from."""
    from transformers.generation.logits_process import (
        LogitsProcessorList,
        MinPLogitsWarper,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
        TypicalLogitsWarper,
    )

    torch.manual_seed(5)
    rows = []
    for parameters in (
        {"temperature": 0.7}, {"top_k": 5}, {"top_p": 0.6}, {"min_p": 0.2}, {"typical_p": 0.5},
        {"temperature": 1.6, "top_k": 12, "top_p": 0.8}, {"temperature": 0.5, "min_p": 0.05, "typical_p": 0.9}, {"top_k": 3, "top_p": 0.2},
    ):
        logits = (torch.randn(1, 24) * 2).round(decimals=3)
        chain = LogitsProcessorList()
        if "temperature" in parameters:
            chain.append(TemperatureLogitsWarper(parameters["temperature"]))
        if "top_k" in parameters:
            chain.append(TopKLogitsWarper(parameters["top_k"]))
        if "top_p" in parameters:
            chain.append(TopPLogitsWarper(parameters["top_p"]))
        if "min_p" in parameters:
            chain.append(MinPLogitsWarper(parameters["min_p"]))
        if "typical_p" in parameters:
            chain.append(TypicalLogitsWarper(parameters["typical_p"]))
        probabilities = torch.softmax(chain(torch.zeros(1, 1, dtype=torch.long), logits), -1)
        rows.append({"parameters": parameters, "logits": [round(each, 3) for each in logits[0].tolist()],
                     "probabilities": [round(each, 6) for each in probabilities[0].tolist()]})
    return rows


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(each, separators=(",", ":")) for each in value) + "\n]\n")
    print(path, os.path.getsize(path), "bytes")


def random_models():
    root = f"{HERE}/fixtures"
    export.build(root)
    for name, model in export.models().items():
        random_model(root, name, *model)
    write(f"{root}/distributions.json", distributions())


def tied(name, case):
    """Two tokens have the very same 16-bit logit here, and torch.topk says of no such two which comes first (it takes the higher id)."""
    return name == "bart" and "max_length" in case["parameters"] and len(case["ids"]) == 5


def random_model(root, name, module, generation, layout):
    folder = f"{root}/{name}"
    ends = generation["eos_token_id"]
    generator = np.random.default_rng(3)
    inputs = inputs_for(generator, [] if layout == "decoder" else [ends], 2 if layout == "merged" else 3)
    plain = over_sessions(module, folder, generation)
    own = [{}] if layout != "decoder" or name == "llama" else []  # what generation_config.json itself asks for
    sets = [*own, *GREEDY, *BEAMS, *(ENCODER if layout != "decoder" else [])]
    write(f"{folder}/expected.json", cases(plain, inputs, sets))
    few = [*GREEDY[:3], *BEAMS[:3]]
    if name in ("t5", "bart", "llama"):
        export.halve(root, name)
        found = cases(over_sessions(module, f"{folder}-fp16", generation), inputs, few)
        write(f"{folder}-fp16/expected.json", [each for each in found if not tied(name, each)])
    if name == "t5-merged":
        export.quantize(root, name)
        write(f"{folder}-int8/expected.json", cases(over_sessions(module, f"{folder}-int8", generation), inputs, few))


def shared_models(shared):
    def load(folder, name):
        with open(f"{folder}/{name}.json") as file:
            return json.load(file)

    folder = f"{shared}/models/tiny-t5-lead"
    module = over_sessions(T5ForConditionalGeneration(T5Config(**load(folder, "config"))).eval(), folder, load(folder, "generation_config"))
    inputs = [each["input_ids"] for each in load(folder, "expected")]
    sets = [
        {"max_length": 50, "num_return_sequences": 1, "no_repeat_ngram_size": 2},
        {"max_length": 50, "num_return_sequences": 1, "no_repeat_ngram_size": 2, "num_beams": 4},
        {},
        {"num_beams": 4, "num_return_sequences": 4, "length_penalty": 2.0, "early_stopping": True, "max_length": 40},
        {"max_new_tokens": 30, "encoder_no_repeat_ngram_size": 3, "repetition_penalty": 1.2},
    ]
    write(f"{HERE}/reference/tiny-t5-lead.json", cases(module, inputs[:6], sets))

    folder = f"{shared}/models/tinyllama-stories260K"
    config = load(folder, "config")
    module = over_sessions(LlamaForCausalLM(LlamaConfig(**config)).eval(), folder, load(folder, "generation_config"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", eos_token="</s>", bos_token="<s>")
    inputs = [tokenizer(text)["input_ids"] for text in ("Once upon a time", "Lily's mom said, \"", "The dog ran to")]
    sets = [
        {"max_new_tokens": 60},
        {"max_new_tokens": 40, "no_repeat_ngram_size": 2, "num_beams": 4, "num_return_sequences": 2},
        {"max_new_tokens": 60, "repetition_penalty": 1.3},
        {"max_new_tokens": 60, "stop_strings": ["park", "said"]},
        {"max_new_tokens": 40, "stop_strings": ["big, red", "the"], "num_beams": 3, "num_return_sequences": 3},
    ]
    write(f"{HERE}/reference/tinyllama-stories260K.json", cases(module, inputs, sets, tokenizer))


if __name__ == "__main__":
    torch.set_num_threads(1)
    random_models()
    if len(sys.argv) > 1:
        shared_models(sys.argv[1])
