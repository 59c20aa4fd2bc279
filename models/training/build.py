"""Turn checkpoints of the cache into model folders of the store: `python build.py minilm-l3-en ...`."""

import json
import sys

import numpy as np
import torch

import bert
import export_bert
import static
import wordpiece
from english import CACHE
from sentiment import Classifier
from wordpiece import STORE


def bert_config(trunk, **more):
    return {"model_type": "bert", "hidden_size": trunk.word.weight.shape[1], "num_hidden_layers": len(trunk.layers),
            "num_attention_heads": trunk.layers[0].heads, "intermediate_size": trunk.layers[0].up.weight.shape[0],
            "max_position_embeddings": 256, "vocab_size": trunk.word.weight.shape[0],
            "layer_norm_eps": 1e-12, "hidden_act": "gelu", "pad_token_id": 0, **more}


def dump(folder, config):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def minilm(checkpoint):
    state = torch.load(checkpoint)
    layers = len({k.split(".")[1] for k in state if k.startswith("layers.")})
    model = bert.Bert(30522, layers=layers)
    model.load_state_dict(state)
    folder = STORE / "minilm-l3-en/1"
    dump(folder, bert_config(model, architectures=["BertModel"]))
    wordpiece.write(folder, 256)
    export_bert.write(model, folder / "onnx/model_quantized.onnx")


def table(checkpoint):
    rows = np.load(checkpoint)
    folder = STORE / "static-en/1"
    dump(folder, {"architectures": ["StaticModel"], "model_type": "static", "hidden_size": rows.shape[1], "vocab_size": len(rows), "max_position_embeddings": 512, "pad_token_id": 0})
    wordpiece.write(folder, 512)
    static.write(rows, folder / "onnx/model_quantized.onnx")


def sentiment(checkpoint):
    saved = torch.load(checkpoint)
    trunk = bert.Bert(len(saved["keep"]), layers=len(saved["layers"]))
    model = Classifier(trunk)
    model.load_state_dict(saved["model"])
    folder = STORE / "sentiment-en/1"
    dump(folder, bert_config(trunk, architectures=["BertForSequenceClassification"], id2label={"0": "NEGATIVE", "1": "POSITIVE"},
                             label2id={"NEGATIVE": 0, "POSITIVE": 1}, problem_type="single_label_classification"))
    wordpiece.write(folder, 256, saved["keep"])
    export_bert.write(trunk, folder / "onnx/model_quantized.onnx", head=(model.head.weight, model.head.bias))


if __name__ == "__main__":
    makers = {"minilm-l3-en": (minilm, "embedder.pt"), "static-en": (table, "static.npy"), "sentiment-en": (sentiment, "sentiment.pt")}
    for name in sys.argv[1:] or makers:
        make, file = makers[name]
        make(CACHE / file)
        print(name)
