"""Fine-tune the `sentiment-en` classifier on SST-2 train (phrases and sentences).

The trunk is some layers of all-MiniLM-L6-v2 with a vocabulary trimmed to the word pieces that English text
really uses; mean pooling and one linear layer on top. `--teacher` first fine-tunes all six layers with the same
recipe; its logits then guide the small one. SST-2 dev is only for the
choice of the epoch and the reported figure; no dev or test sentence of SST is in the training text.
"""

import argparse
import json
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import bert
import embedder
import english
import facts
import wordpiece

SEED = 17


class Classifier(nn.Module):
    def __init__(self, trunk, labels=2):
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(trunk.word.weight.shape[1], labels)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids, mask):
        return self.head(F.dropout(bert.mean_pool(self.trunk(ids, mask).float(), mask), 0.1, self.training))


def dev_rows():
    rows = [json.loads(l) for l in open(english.SHARED / "datasets/sst2/dev.jsonl", encoding="utf-8")]
    return [r["text"] for r in rows], [int(r["label"] == "POSITIVE") for r in rows]


def vocabulary(size):
    """The `size` most used word pieces of the training text, with every single letter, in the old order."""
    tok = embedder.tokenizer(10000)
    counts = np.zeros(30522)
    for name, rows in english.corpus().items():
        factor = 5 if name in ("sst2", "reviews", "products", "plots") else 1
        for e in tok.encode_batch(rows):
            np.add.at(counts, e.ids, factor)
    names = {i: t for t, i in tok.get_vocab().items()}
    keep = {0, 100, 101, 102, 103} | {i for i, t in names.items() if len(t.removeprefix("##")) == 1 and ord(t[-1]) < 0x250}
    for i in np.argsort(-counts):
        if len(keep) >= size:
            break
        keep.add(int(i))
    return sorted(keep)


def accuracy(model, rows, labels):
    model.eval()
    hits = 0
    for batch in bert.batches([len(r) for r in rows], 4096, np.random.default_rng(0)):
        with torch.inference_mode():
            hits += int((model(*bert.pad([rows[i] for i in batch])).argmax(1) == torch.tensor([labels[i] for i in batch])).sum())
    model.train()
    return hits / len(rows)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--layers", type=lambda s: [int(x) for x in s.split(",")], default=[0, 1, 2, 3])
    p.add_argument("--vocabulary", type=int, default=12000)
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--rate", type=float, default=1e-4)
    p.add_argument("--tokens", type=int, default=1024)
    p.add_argument("--drop", type=float, default=0.1)
    p.add_argument("--min-words", type=int, default=1)
    p.add_argument("--soft", help="file of teacher logits to follow")
    p.add_argument("--resume")
    p.add_argument("--out", default=str(english.CACHE / "sentiment.pt"))
    args = p.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(english.THREADS)
    rng = np.random.default_rng(SEED)
    trunk = bert.load(embedder.TEACHER, args.layers)
    keep = None
    if args.vocabulary:
        keep = vocabulary(args.vocabulary)
        small = nn.Embedding(len(keep), trunk.word.weight.shape[1])
        small.weight.data.copy_(trunk.word.weight.data[keep])
        trunk.word = small
    tok = wordpiece.write(english.CACHE / f"sentiment-tokenizer-{args.vocabulary}", 256, keep)
    tok.enable_truncation(128)
    model = Classifier(trunk)
    trunk.drop = args.drop
    if args.resume:
        model.load_state_dict(torch.load(args.resume)["model"])
    dev_text, dev_label = dev_rows()
    banned = set(map(english.normal, dev_text))
    data = [(t, l) for t, l in english.sst2_rows() if english.normal(t) not in banned and len(t.split()) >= args.min_words]
    facts.put("sentiment-en", "data", [{"name": "SST-2 train, phrases and sentences of four words and more", "source": "forest-snow/alps data/SST-2/train.tsv", "licence": "no explicit licence (Stanford Sentiment Treebank)", "rows": len(data)}])
    goal = F.one_hot(torch.tensor([l for _, l in data]), 2).float() * 0.96 + 0.02
    texts = [t for t, _ in data]
    if args.soft:
        soft = torch.load(args.soft)
        texts, goal = soft["texts"], soft["probabilities"]
    rows = [e.ids for e in tok.encode_batch(texts)]
    dev = [e.ids for e in tok.encode_batch(dev_text)]
    plan = [b for _ in range(args.epochs) for b in bert.batches([len(r) for r in rows], args.tokens, rng)]
    each = len(plan) // args.epochs
    print(len(rows), "texts", sum(map(len, rows)), "tokens", len(plan), "steps", "start", accuracy(model, dev, dev_label), flush=True)
    decay = [q for q in model.parameters() if q.dim() > 1]
    plain = [q for q in model.parameters() if q.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}], lr=args.rate, betas=(0.9, 0.98), foreach=True)
    model.train()
    best, started, loss_sum = 0.0, time.time(), 0.0
    for step, batch in enumerate(plan):
        warm = len(plan) * 0.06
        rate = args.rate * min((step + 1) / warm, max(0.01, (len(plan) - step) / (len(plan) - warm)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(*bert.pad([rows[i] for i in batch]))
        loss = -(goal[batch] * F.log_softmax(logits.float(), 1)).sum(1).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss_sum += loss.item()
        if (step + 1) % max(1, each // 4) == 0 or step + 1 == len(plan):
            now = accuracy(model, dev, dev_label)
            print(f"step {step + 1} {time.time() - started:.0f} s loss {loss_sum / max(1, each // 4):.4f} dev {now:.4f}", flush=True)
            loss_sum = 0.0
            if now >= best:
                best = now
                torch.save({"model": model.state_dict(), "layers": args.layers, "keep": keep, "dev": now}, args.out)


if __name__ == "__main__":
    main()
