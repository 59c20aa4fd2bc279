"""The rival of bench/tokenizer.ts: Python's `tokenizers`, told over stdin what to do, one JSON line each way."""

import json
import sys
import time

from tokenizers import Tokenizer

tokenizer, texts = None, []
for line in sys.stdin:
    command = json.loads(line)
    wall, cpu = time.perf_counter(), time.process_time()
    answer = {}
    if "load" in command:
        tokenizer = Tokenizer.from_file(command["load"])
        tokenizer.no_padding()
        tokenizer.no_truncation()
    elif "texts" in command:
        texts = command["texts"]
        answer["ids"] = [tokenizer.encode(text).ids for text in texts[:: command["every"]]]
    else:
        for _ in range(command["repeats"]):
            for text in texts:
                tokenizer.encode(text)
    answer["wall"], answer["cpu"] = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps(answer), flush=True)
