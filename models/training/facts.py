"""facts.json: what was measured and trained on, per model, written by the scripts and read by manifest.py."""

import json
from pathlib import Path

PATH = Path(__file__).with_name("facts.json")


def read():
    return json.loads(PATH.read_text()) if PATH.exists() else {}


def put(model, key, value):
    facts = read()
    facts.setdefault(model, {})[key] = value
    PATH.write_text(json.dumps(facts, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
