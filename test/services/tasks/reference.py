"""What Python says of the fixtures (tiny.py makes those): the functions of transformers' own pipelines on what onnxruntime gives
for the very files; sentence-transformers' poolings by their definitions, in numpy.

Rewrites expected.json. Offsets are in code points, as Python counts. Needs transformers, tokenizers, onnxruntime, numpy; torch is
not needed, and is kept out, because loading it takes longer than everything else.
"""

import json
import os
import sys
import types
import warnings

sys.modules["torch"] = None
import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402
from transformers.pipelines.token_classification import AggregationStrategy, TokenClassificationPipeline  # noqa: E402
from transformers.pipelines.zero_shot_classification import ZeroShotClassificationPipeline  # noqa: E402

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS_MAX = 24
WIDTH = 32
TEXTS = [
    "Angela Merkel met Barack Obama in Berlin.", "", "Łódź 東京 and unbelievably München!", "a 😀 b Microsoft's office, 🇩🇪",
    "  spaces   and\ttabs  ", "internationalization of Zürich-based teams", "It was signed in 1992 in the Netherlands",
    "championship",
]
LONG = (
    "Angela Merkel met Barack Obama in Berlin, Germany, on Tuesday. Microsoft opened a new office in San Francisco. The football "
    "team won the championship match after extra time. The bank raised its interest rates again."
)
LABELS = ["sports", "politics", "cooking a soup", "München"]


class Model:
    """A fixture: tokenizer, labels and logits (or hidden states)."""

    def __init__(self, name):
        folder = f"{HERE}/fixtures/{name}"
        with open(f"{folder}/config.json") as file:
            config = json.load(file)
        self.labels = {int(id): label for id, label in config.get("id2label", {}).items()}
        roberta = config["model_type"] == "roberta"
        special = dict(unk_token="<unk>", cls_token="<s>", sep_token="</s>", pad_token="<pad>") if roberta else dict(
            unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]")
        self.tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", model_max_length=TOKENS_MAX, **special)
        self.session = onnxruntime.InferenceSession(f"{folder}/onnx/model.onnx")
        label2id = {label: id for id, label in self.labels.items()}
        self.config = types.SimpleNamespace(id2label=self.labels, label2id=label2id)

    def run(self, *texts, **options):
        """Every text (or pair) alone: the encoding, and what the graph gives."""
        # In lists, as pipelines and encoders give them: an empty second text of a single pair would count as none.
        lists = [[text] for text in texts]
        read = self.tokenizer(*lists, truncation=options.pop("truncation", True), return_token_type_ids=True, **options)
        given = {key: np.array(read[key], np.int64) for key in ("input_ids", "attention_mask", "token_type_ids")}
        return {key: value[0] for key, value in read.items()}, self.forward(given)

    def forward(self, given):
        names = [each.name for each in self.session.get_inputs()]
        return self.session.run(None, {name: given[name] for name in names})[0][0]


def rounded(value):
    return float(np.float64(value).round(8))


def entities(model, text, strategy, ignore, stride=None):
    """TokenClassificationPipeline.postprocess, step by step with its own functions."""
    pipeline = TokenClassificationPipeline.__new__(TokenClassificationPipeline)
    pipeline.tokenizer, pipeline.model = model.tokenizer, model
    options = {} if stride is None else {"return_overflowing_tokens": True, "stride": stride}
    read = model.tokenizer([text], truncation=True, return_special_tokens_mask=True, return_offsets_mapping=True,
                           return_token_type_ids=True, **options)
    strategy = AggregationStrategy[strategy.upper()]
    found = []
    pieces = len(read["input_ids"])
    for piece in range(pieces):
        given = {key: np.array([read[key][piece]], np.int64) for key in ("input_ids", "attention_mask", "token_type_ids")}
        logits = model.forward(given)
        shifted = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
        scores = shifted / shifted.sum(axis=-1, keepdims=True)
        before = pipeline.gather_pre_entities(text, given["input_ids"][0], scores, read["offset_mapping"][piece],
                                              np.array(read["special_tokens_mask"][piece]), strategy)
        for entity in pipeline.aggregate(before, strategy):
            if entity.get("entity") not in ignore and entity.get("entity_group") not in ignore:
                found.append(entity)
    if pieces > 1:
        found = pipeline.aggregate_overlapping_entities(found)
    return [
        [each.get("entity", each.get("entity_group")), rounded(each["score"]), each["word"], each["start"], each["end"],
         each.get("index", -1) if strategy == AggregationStrategy.NONE else -1]
        for each in found
    ]


def tokens_of(name):
    model = Model(name)
    cases = []
    for strategy in ("none", "simple", "first", "average", "max"):
        for ignore in (["O"], [], [model.labels[1].split("-")[-1]]):
            for text in TEXTS + [LONG]:
                cases.append({"text": text, "strategy": strategy, "ignore": ignore,
                              "entities": entities(model, text, strategy, ignore)})
        if strategy != "none":
            for stride in (0, 3, 9):
                cases.append({"text": LONG, "strategy": strategy, "ignore": ["O"], "stride": stride,
                              "entities": entities(model, LONG, strategy, ["O"], stride)})
    return cases


def zero_shot(name):
    model = Model(name)
    pipeline = ZeroShotClassificationPipeline.__new__(ZeroShotClassificationPipeline)
    pipeline.model = model
    cases = []
    for template in ("This example is {}.", "{}"):
        for labels in (LABELS, LABELS[:1]):
            for text in [each for each in TEXTS if each] + [LONG]:
                outputs = []
                for label in labels:
                    _, logits = model.run(text, template.format(label), truncation="only_first")
                    tensor = types.SimpleNamespace(numpy=lambda logits=logits: logits[None])
                    given = types.SimpleNamespace(float=lambda tensor=tensor: tensor)
                    outputs.append({"candidate_label": label, "sequence": text, "logits": given})
                for multi in (False, True):
                    found = pipeline.postprocess(outputs, multi_label=multi)
                    cases.append({"text": text, "labels": labels, "template": template, "multi": multi,
                                  "ranked": found["labels"], "scores": [rounded(score) for score in found["scores"]]})
    return cases


def rerank():
    """As CrossEncoder.predict: pairs cut longest first, a sigmoid of the one logit."""
    model = Model("ranker-bert")
    cases = []
    for query in ("Where was the treaty of Maastricht signed?", LONG):
        texts = TEXTS + [LONG]
        logits = np.array([model.run(query, text)[1][0] for text in texts], np.float64)
        order = sorted(range(len(texts)), key=lambda index: -logits[index])
        cases.append({"query": query, "texts": texts, "order": order, "logits": [rounded(x) for x in logits],
                      "scores": [rounded(x) for x in 1 / (1 + np.exp(-logits))]})
    return cases


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def pooled(states, mode, skip):
    """sentence_transformers' Pooling for one text without padding; `skip` tokens of a prompt are masked."""
    own, weights = states[skip:], np.arange(skip + 1, len(states) + 1)[:, None]
    return {
        "cls": lambda: own[0], "max": lambda: own.max(0), "mean": lambda: own.sum(0) / len(own),
        "mean_sqrt_len_tokens": lambda: own.sum(0) / np.sqrt(len(own)),
        "weightedmean": lambda: (own * weights).sum(0) / weights.sum(), "lasttoken": lambda: own[-1],
    }[mode]()


def poolings():
    model = Model("hidden-bert")
    prompt = "Represent this text: "
    length = len(model.tokenizer(prompt)["input_ids"]) - 1  # as Transformer._get_prompt_length: without the last [SEP]
    modes = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ("cls", "mean"),
             ("lasttoken", "weightedmean", "max")]
    cases = []
    for mode in modes:
        for include in (True, False):
            vectors = []
            for text in TEXTS:
                states = model.run(prompt + text)[1].astype(np.float64)
                parts = (mode,) if isinstance(mode, str) else mode
                row = np.concatenate([pooled(states, part, 0 if include else length) for part in parts])
                vectors.append([rounded(x) for x in [*row[:5], *row[-3:]]])
            cases.append({"mode": mode, "include": include, "prompt": prompt, "vectors": vectors})
    return cases


def cuts():
    """Mean pooling of a text that is too long, cut on either side; of a part of the dimensions, scaled afterwards."""
    model = Model("hidden-bert")
    cases = []
    for side in ("right", "left"):
        model.tokenizer.truncation_side = side
        for dimensions in (WIDTH, 12):
            read, states = model.run(LONG)
            vector = unit(states.astype(np.float64).mean(0)[:dimensions])
            cases.append({"side": side, "dimensions": dimensions, "ids": read["input_ids"], "vector": [rounded(x) for x in vector]})
    return cases


def token_vectors():
    model = Model("hidden-bert")
    cases, units = [], []
    for text in TEXTS + [LONG]:
        read, states = model.run(text, return_offsets_mapping=True)
        units.append(unit(states.astype(np.float64)))
        cases.append({"text": text, "ids": read["input_ids"], "tokens": model.tokenizer.convert_ids_to_tokens(read["input_ids"]),
                      "offsets": read["offset_mapping"], "first": [[rounded(x) for x in row[:3]] for row in states],
                      "unit": [[rounded(x) for x in row[:3]] for row in units[-1]]})
    return {"texts": cases, "maxsim": [rounded((units[0] @ each.T).max(1).sum()) for each in units]}


def sparse():
    """As SpladePooling: log(1 + relu), or that twice, then the most or the sum over the tokens."""
    model = Model("splade-bert")
    logits = [model.run(text)[1] for text in TEXTS + [LONG]]
    cases = []
    for pooling in ("max", "sum"):
        for activation in ("relu", "log1p_relu"):
            grown = [np.log1p(np.maximum(each, 0)) for each in logits]
            if activation == "log1p_relu":
                grown = [np.log1p(each) for each in grown]
            rows = [each.max(0) if pooling == "max" else each.sum(0) for each in grown]
            cases.append({"pooling": pooling, "activation": activation, "dots": [rounded(rows[0] @ row) for row in rows],
                          "weights": [{int(id): rounded(row[id]) for id in np.nonzero(row)[0]} for row in rows]})
    return cases


def main():
    expected = {
        "texts": TEXTS, "long": LONG,
        "entities": {name: tokens_of(name) for name in ("entities-bert", "entities-roberta")},
        "zeroShot": {name: zero_shot(name) for name in ("nli-bert", "nli-first-bert")},
        "rerank": rerank(), "poolings": poolings(), "cuts": cuts(), "tokens": token_vectors(), "sparse": sparse(),
    }
    with open(f"{HERE}/expected.json", "w") as out:
        json.dump(expected, out, ensure_ascii=False, separators=(",", ":"))
        out.write("\n")


if __name__ == "__main__":
    main()
