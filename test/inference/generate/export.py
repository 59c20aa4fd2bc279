"""Tiny, randomly initialised generation models in the Hugging Face ONNX folder layouts, for the tests of inference/generate.

Real modules of transformers, real shapes, random weights: near ties and long outputs, which is what a decoder must get
right. Needs torch, transformers, onnx. `build(folder)` writes one folder a model; reference.py decodes them, and full_shapes.py
writes such models in the sizes that are in use.
"""

import glob
import json
import os
import shutil
import warnings

import onnx
import torch
from onnx import TensorProto, helper
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MarianConfig,
    MarianMTModel,
    PegasusConfig,
    PegasusForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

warnings.filterwarnings("ignore")
VOCAB = 96
SEQ2SEQ = dict(
    vocab_size=VOCAB, d_model=24, encoder_layers=2, decoder_layers=2, encoder_attention_heads=3, decoder_attention_heads=3,
    encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=80,
)


def initialised(name, cls, config, scale):
    """The module with weights that follow from its name."""
    torch.manual_seed(sum(map(ord, name)))
    module = cls(config).eval()
    with torch.no_grad():
        for key, weight in module.named_parameters():
            if weight.dim() > 1 and "embed_positions" not in key and "relative" not in key:
                weight.normal_(0, scale)
        # Ends of sequence must come up, now early, now late.
        module.get_output_embeddings().weight[config.eos_token_id] *= 2.5
    return module


def models():
    """name -> (module, generation_config, layout)"""
    made = {}

    def add(name, cls, config, generation, layout, scale):
        made[name] = (initialised(name, cls, config, scale), generation, layout)

    t5 = dict(vocab_size=VOCAB, d_model=24, d_kv=8, d_ff=32, num_layers=2, num_decoder_layers=2, num_heads=3,
              decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)
    t5g = dict(decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)
    add("t5", T5ForConditionalGeneration, T5Config(**t5), t5g, "split", 0.35)
    add("t5-merged", T5ForConditionalGeneration, T5Config(**t5, feed_forward_proj="gated-gelu"), t5g, "merged", 0.35)
    special = dict(bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2)
    add("bart", BartForConditionalGeneration, BartConfig(**SEQ2SEQ, **special, forced_eos_token_id=None),
        dict(**special, forced_bos_token_id=0, forced_eos_token_id=2, no_repeat_ngram_size=3, num_beams=4,
             early_stopping=True, min_length=8, max_length=24, length_penalty=2.0), "split", 0.3)
    marian = dict(eos_token_id=0, pad_token_id=95, decoder_start_token_id=95)
    add("marian", MarianMTModel, MarianConfig(**SEQ2SEQ, **marian, scale_embedding=True),
        dict(**marian, bad_words_ids=[[95]], num_beams=4, max_length=20, forced_eos_token_id=0, renormalize_logits=True), "merged", 0.3)
    pegasus = dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    add("pegasus", PegasusForConditionalGeneration, PegasusConfig(**SEQ2SEQ, **pegasus, scale_embedding=True),
        dict(**pegasus, num_beams=3, length_penalty=0.8, max_length=22, forced_eos_token_id=1), "merged", 0.3)
    llama = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0)
    add("llama", LlamaForCausalLM, LlamaConfig(vocab_size=VOCAB, hidden_size=32, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=80, tie_word_embeddings=False, **llama),
        dict(**llama, max_length=40), "decoder", 0.3)
    add("gpt2", GPT2LMHeadModel, GPT2Config(vocab_size=VOCAB, n_embd=24, n_layer=2, n_head=3, n_positions=80,
        bos_token_id=94, eos_token_id=94), dict(bos_token_id=94, eos_token_id=94, pad_token_id=94), "decoder", 0.3)
    return made


class Encoder(torch.nn.Module):
    def __init__(self, module):
        super().__init__()
        self.encoder = module.get_encoder()

    def forward(self, input_ids, attention_mask):
        return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


class Decoder(torch.nn.Module):
    """Without a cache in: logits, then the whole cache."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, encoder_attention_mask, input_ids, encoder_hidden_states):
        out = self.module(encoder_outputs=(encoder_hidden_states,), attention_mask=encoder_attention_mask,
                          decoder_input_ids=input_ids, use_cache=True)
        found = [out.logits]
        past = out.past_key_values
        for own, cross in zip(past.self_attention_cache.layers, past.cross_attention_cache.layers):
            found += [own.keys, own.values, cross.keys, cross.values]
        return tuple(found)


class DecoderWithPast(torch.nn.Module):
    def __init__(self, module, width):
        super().__init__()
        self.module, self.width = module, width

    def forward(self, encoder_attention_mask, input_ids, *past):
        own, cross = DynamicCache(), DynamicCache()
        for layer in range(len(past) // 4):
            own.update(past[4 * layer], past[4 * layer + 1], layer)
            cross.update(past[4 * layer + 2], past[4 * layer + 3], layer)
        cache = EncoderDecoderCache(own, cross)
        for layer in range(len(past) // 4):
            cache.is_updated[layer] = True
        # Never read: the cross-attention cache is given. Its shape must still be that of the encoder's output.
        hidden = encoder_attention_mask[:, :, None].to(torch.float32).expand(-1, -1, self.width)
        out = self.module(encoder_outputs=(hidden,), attention_mask=encoder_attention_mask,
                          decoder_input_ids=input_ids, past_key_values=cache, use_cache=True)
        found = [out.logits]
        for own in out.past_key_values.self_attention_cache.layers:
            found += [own.keys, own.values]
        return tuple(found)


class Causal(torch.nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, input_ids, attention_mask, position_ids, *past):
        cache = DynamicCache()
        for layer in range(len(past) // 2):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        out = self.module(input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
                          past_key_values=cache, use_cache=True)
        found = [out.logits]
        for own in out.past_key_values.layers:
            found += [own.keys, own.values]
        return tuple(found)


def export(module, args, inputs, outputs, axes, path):
    with torch.inference_mode(False), torch.no_grad():
        torch.onnx.export(module, tuple(args), path, input_names=inputs, output_names=outputs,
                          dynamic_axes={name: axes(name) for name in inputs + outputs if axes(name)},
                          opset_version=14, dynamo=False)
    shrink(path)


def shrink(path):
    """Short names for what is inside: a third of the file. Inputs, outputs and the structure stay as exported."""
    model = onnx.load(path)
    graph = model.graph
    keep = {v.name for v in [*graph.input, *graph.output]} | {""}
    short = {}

    def named(name):
        return name if name in keep else short.setdefault(name, f"v{len(short)}")

    def walk(part):
        for node in part.node:
            node.name = node.doc_string = ""
            node.input[:] = [named(each) for each in node.input]
            node.output[:] = [named(each) for each in node.output]
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    walk(attribute.g)
        for weight in part.initializer:
            weight.name = named(weight.name)
            weight.doc_string = ""
        if part is not graph:
            for value in [*part.input, *part.output]:
                value.name = named(value.name)
        del part.value_info[:]

    walk(graph)
    model.doc_string = graph.doc_string = ""
    onnx.checker.check_model(model)
    onnx.save(model, path)


def seq2seq_axes(name):
    if name in ("encoder_attention_mask", "attention_mask", "encoder_hidden_states", "last_hidden_state"):
        return {0: "batch_size", 1: "encoder_sequence_length"}
    if name == "input_ids":
        return {0: "batch_size", 1: "decoder_sequence_length"}
    if name == "logits":
        return {0: "batch_size", 1: "decoder_sequence_length"}
    length = "encoder_sequence_length" if ".encoder." in name else "past_decoder_sequence_length"
    return {0: "batch_size", 2: length if name.startswith("past") or ".encoder." in name else length + " + 1"}


def write_seq2seq(module, layout, folder):
    config = module.config
    width = config.d_model
    heads = getattr(config, "decoder_attention_heads", None) or config.num_heads
    head = width // heads
    layers = getattr(config, "decoder_layers", None) or config.num_decoder_layers
    ids = torch.ones(2, 5, dtype=torch.long) * 7
    mask = torch.ones(2, 5, dtype=torch.long)
    export(Encoder(module), [ids, mask], ["input_ids", "attention_mask"], ["last_hidden_state"],
           lambda name: {0: "batch_size", 1: "encoder_sequence_length"}, f"{folder}/encoder_model.onnx")
    names = [f"{layer}.{part}.{kind}" for layer in range(layers) for part in ("decoder", "encoder") for kind in ("key", "value")]
    hidden = torch.randn(2, 5, width)
    export(Decoder(module), [mask, torch.ones(2, 2, dtype=torch.long) * 7, hidden],
           ["encoder_attention_mask", "input_ids", "encoder_hidden_states"],
           ["logits", *(f"present.{name}" for name in names)], seq2seq_axes, f"{folder}/decoder_model.onnx")
    past = [torch.randn(2, heads, 5 if ".encoder." in name else 3, head) for name in names]
    export(DecoderWithPast(module, width), [mask, torch.ones(2, 1, dtype=torch.long) * 7, *past],
           ["encoder_attention_mask", "input_ids", *(f"past_key_values.{name}" for name in names)],
           ["logits", *(f"present.{name}" for name in names if ".decoder." in name)],
           seq2seq_axes, f"{folder}/decoder_with_past_model.onnx")
    if layout == "merged":
        merge(folder, names)


def merge(folder, names):
    """One graph with `use_cache_branch`, as Optimum merges them: with a cache the cross-attention outputs are empty."""
    first = onnx.load(f"{folder}/decoder_model.onnx")
    past = onnx.load(f"{folder}/decoder_with_past_model.onnx")
    inputs = {}
    for model in (first, past):
        for value in model.graph.input:
            inputs.setdefault(value.name, value)
    outputs = list(first.graph.output)
    weights = {}

    def branch(model, prefix, label):
        """Everything inside renamed apart; equal weights shared in the outer graph."""
        names_in = {value.name for value in model.graph.input}
        given = {value.name: f"{prefix}{value.name}" for value in model.graph.output}
        renamed = {}
        for weight in model.graph.initializer:
            key = (tuple(weight.dims), weight.data_type, weight.raw_data)
            if key not in weights:
                shared = onnx.TensorProto()
                shared.CopyFrom(weight)
                shared.name = f"w{len(weights)}"
                weights[key] = shared
            renamed[weight.name] = weights[key].name

        def name(each):
            if each == "" or each in names_in:
                return each
            return renamed.get(each) or given.get(each) or f"{prefix}{each}"

        nodes = []
        for node in model.graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.input[:] = [name(each) for each in node.input]
            copy.output[:] = [name(each) for each in node.output]
            nodes.append(copy)
        ends = []
        present = {value.name for value in model.graph.output}
        for value in outputs:
            end = onnx.ValueInfoProto()
            end.CopyFrom(value)
            end.name = f"{prefix}{value.name}"
            if value.name not in present:
                shape = [d.dim_value or 0 for d in value.type.tensor_type.shape.dim]
                empty = helper.make_tensor(f"{prefix}{value.name}_value", TensorProto.FLOAT, [0, *shape[1:2], 1, 1][: len(shape)], [])
                nodes.append(helper.make_node("Constant", [], [end.name], value=empty))
            for axis in end.type.tensor_type.shape.dim:
                axis.dim_param = axis.dim_param and f"{label}_{axis.dim_param}".replace(" ", "")
            ends.append(end)
        return helper.make_graph(nodes, label, [], ends)

    chosen = helper.make_node(
        "If", ["use_cache_branch"], [value.name for value in outputs],
        then_branch=branch(past, "c.", "with_past"), else_branch=branch(first, "f.", "without_past"))
    flag = helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1])
    graph = helper.make_graph([chosen], "merged", [*inputs.values(), flag], outputs, initializer=list(weights.values()))
    merged = helper.make_model(graph, opset_imports=first.opset_import)
    merged.ir_version = first.ir_version
    onnx.save(merged, f"{folder}/decoder_model_merged.onnx")
    shrink(f"{folder}/decoder_model_merged.onnx")
    os.remove(f"{folder}/decoder_model.onnx")
    os.remove(f"{folder}/decoder_with_past_model.onnx")


def write_causal(module, folder):
    config = module.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head = config.hidden_size // config.num_attention_heads
    names = [f"{layer}.{kind}" for layer in range(config.num_hidden_layers) for kind in ("key", "value")]

    def axes(name):
        if name == "attention_mask":
            return {0: "batch_size", 1: "total_sequence_length"}
        if "key_values" in name or "present" in name:
            return {0: "batch_size", 2: "past_sequence_length" if name.startswith("past") else "total_sequence_length"}
        return {0: "batch_size", 1: "sequence_length"}

    past = [torch.randn(2, heads, 3, head) for _ in names]
    positions = torch.tensor([[3, 4], [3, 4]])
    export(Causal(module), [torch.ones(2, 2, dtype=torch.long) * 7, torch.ones(2, 5, dtype=torch.long), positions, *past],
           ["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{name}" for name in names)],
           ["logits", *(f"present.{name}" for name in names)], axes, f"{folder}/model.onnx")


def tokenizer(generation, layout, size):
    """A word a token: w0 to w95 (of a vocabulary of that size), special tokens by their part. Enough for texts to go in and come out."""
    special = {}
    for part in ("pad", "eos", "bos"):
        if f"{part}_token_id" in generation:
            special.setdefault(generation[f"{part}_token_id"], f"<{part}>")
    vocabulary = {special.get(token, f"w{token}"): token for token in range(size)}
    unknown = next(name for name in vocabulary if name.startswith("w"))
    end = {"SpecialToken": {"id": "<eos>", "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    template = [text] if layout == "decoder" else [text, end]
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None,
        "added_tokens": [{"id": token, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for token, name in sorted(special.items())],
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "TemplateProcessing", "single": template, "pair": [*template, *template],
                           "special_tokens": {"<eos>": {"id": "<eos>", "ids": [generation["eos_token_id"]], "tokens": ["<eos>"]}}},
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": unknown},
    }


def write_folder(folder, module, generation, layout):
    os.makedirs(f"{folder}/onnx", exist_ok=True)
    module.config._attn_implementation = "eager"
    if layout == "decoder":
        write_causal(module, f"{folder}/onnx")
    else:
        write_seq2seq(module, layout, f"{folder}/onnx")
    size = module.config.vocab_size
    config = module.config.to_diff_dict()
    for noise in ("transformers_version", "dtype", "torch_dtype"):
        config.pop(noise, None)
    config["architectures"] = [type(module).__name__]
    config["is_encoder_decoder"] = layout != "decoder"
    config["vocab_size"] = size
    with open(f"{folder}/config.json", "w") as out:
        json.dump(config, out, indent=1, sort_keys=True)
    with open(f"{folder}/generation_config.json", "w") as out:
        json.dump(generation, out, indent=1, sort_keys=True)
    with open(f"{folder}/tokenizer_config.json", "w") as out:
        json.dump({"model_max_length": 64}, out)
    with open(f"{folder}/tokenizer.json", "w") as out:
        json.dump(tokenizer(generation, layout, size), out, separators=(",", ":"))


def build(root):
    for name, (module, generation, layout) in models().items():
        write_folder(f"{root}/{name}", module, generation, layout)


def convert(root, name, precision, suffix, one):
    """The same model in another precision, in a folder of its own; `one` makes the new file of the old."""
    folder = f"{root}/{name}-{precision}"
    shutil.copytree(f"{root}/{name}", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("expected.json"))
    for file in glob.glob(f"{folder}/onnx/*.onnx"):
        if not file.endswith(f"{suffix}.onnx"):
            one(file, file.replace(".onnx", f"{suffix}.onnx"))
            os.remove(file)


def halve(root, name):
    """16-bit floats, caches and logits included."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    convert(root, name, "fp16", "_fp16",
            lambda old, new: onnx.save(convert_float_to_float16(onnx.load(old), keep_io_types=False), new))


def quantize(root, name):
    """Eight-bit weights, and activations that are quantized as they come: what transformers.js calls q8."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    convert(root, name, "int8", "_quantized",
            lambda old, new: quantize_dynamic(old, new, weight_type=QuantType.QUInt8,
                                              extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True}))


if __name__ == "__main__":
    build(os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures"))
