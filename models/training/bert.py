"""A small BERT encoder, read from and written to the Hugging Face weight names.

The distillation and fine-tuning scripts share it. It holds the parts a MiniLM-like encoder
needs and nothing else: no dropout (distillation does not want it), no pooler, token type 0 added
into the position table once, attention through torch's fused kernel.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


class Layer(nn.Module):
    def __init__(self, width, heads, inner, eps):
        super().__init__()
        self.heads = heads
        self.eps = eps
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, eps)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, eps)

    def forward(self, x, bias, drop=0.0):
        b, t, w = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        # float32 here: the CPU's bfloat16 attention gradient is six times slower than float32's
        a = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=bias)
        a = self.out(a.transpose(1, 2).reshape(b, t, w))
        x = self.norm1(x + F.dropout(a, drop, self.training))
        return self.norm2(x + F.dropout(self.down(F.gelu(self.up(x))), drop, self.training))


class Bert(nn.Module):
    def __init__(self, vocab, width=384, layers=6, heads=12, inner=1536, positions=512, eps=1e-12):
        super().__init__()
        self.word = nn.Embedding(vocab, width)
        self.position = nn.Embedding(positions, width)  # token type 0 is added in
        self.norm = nn.LayerNorm(width, eps)
        self.layers = nn.ModuleList(Layer(width, heads, inner, eps) for _ in range(layers))
        self.drop = 0.0

    def forward(self, ids, mask):
        x = self.norm(self.word(ids) + self.position.weight[: ids.shape[1]])
        x = F.dropout(x, self.drop, self.training)
        bias = None if bool(mask.all()) else (1.0 - mask[:, None, None, :].to(x.dtype)) * -1e9
        for layer in self.layers:
            x = layer(x, bias, self.drop)
        return x


def mean_pool(hidden, mask):
    m = mask[..., None].to(hidden.dtype)
    return (hidden * m).sum(1) / m.sum(1).clamp(min=1e-9)


def load(folder, keep=None):
    """Read `model.safetensors` + `config.json`; `keep` picks layers by index, in order."""
    from safetensors.torch import load_file

    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    raw = load_file(folder / "model.safetensors")
    raw = {k.removeprefix("bert."): v.float() for k, v in raw.items()}
    keep = list(range(config["num_hidden_layers"])) if keep is None else keep
    model = Bert(
        config["vocab_size"], config["hidden_size"], len(keep), config["num_attention_heads"],
        config["intermediate_size"], config["max_position_embeddings"], config["layer_norm_eps"],
    )
    put = lambda p, name: p.data.copy_(raw[name])
    put(model.word.weight, "embeddings.word_embeddings.weight")
    model.position.weight.data.copy_(
        raw["embeddings.position_embeddings.weight"] + raw["embeddings.token_type_embeddings.weight"][0])
    put(model.norm.weight, "embeddings.LayerNorm.weight")
    put(model.norm.bias, "embeddings.LayerNorm.bias")
    for layer, index in zip(model.layers, keep):
        base = f"encoder.layer.{index}."
        for part in ("weight", "bias"):
            layer.qkv.__getattr__(part).data.copy_(torch.cat(
                [raw[f"{base}attention.self.{n}.{part}"] for n in ("query", "key", "value")]))
            put(getattr(layer.out, part), f"{base}attention.output.dense.{part}")
            put(getattr(layer.norm1, part), f"{base}attention.output.LayerNorm.{part}")
            put(getattr(layer.up, part), f"{base}intermediate.dense.{part}")
            put(getattr(layer.down, part), f"{base}output.dense.{part}")
            put(getattr(layer.norm2, part), f"{base}output.LayerNorm.{part}")
    return model


def batches(lengths, tokens_max, rng, sort_window=8192):
    """Index batches of similar length, at most `tokens_max` padded tokens each, in shuffled order."""
    order = rng.permutation(len(lengths))
    out = []
    for start in range(0, len(order), sort_window):
        block = sorted(order[start : start + sort_window], key=lambda i: lengths[i])
        batch, longest = [], 0
        for i in block:
            longest = max(longest, lengths[i])
            if batch and longest * (len(batch) + 1) > tokens_max:
                out.append(batch)
                batch, longest = [], lengths[i]
            batch.append(i)
        if batch:
            out.append(batch)
    rng.shuffle(out)
    return out


def pad(rows):
    longest = max(len(r) for r in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask
