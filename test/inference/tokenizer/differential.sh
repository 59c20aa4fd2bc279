#!/usr/bin/env bash
# npm run test:tokenizers [strings]: every tokenizer that is at hand against Python's `tokenizers`, on random and adversarial
# strings (default 2,000 each); then as many random regular expressions against Oniguruma. Skipped loudly where Python is absent.
set -uo pipefail
cd "$(dirname "$0")/../../.."
strings=${1:-2000}
shared=${PLEXUS_SHARED:-../shared}
cache=${PLEXUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plexus}/tokenizers
command -v python3 >/dev/null || { echo 'SKIPPED: NO python3 HERE'; exit 3; }
[ -d "$shared/tokenizers" ] || echo 'SKIPPED: NO REAL TOKENIZERS HERE, ONLY THE STARTER ONES ARE COMPARED. SET PLEXUS_SHARED'
export RUST_BACKTRACE=0 # texts that the library panics on are compared too
if ! "$cache/bin/python" -c 'import tokenizers' 2>/dev/null; then
  python3 -m venv "$cache" && "$cache/bin/pip" install -q 'tokenizers==0.23.3' || { echo 'SKIPPED: tokenizers CANNOT BE INSTALLED HERE'; exit 3; }
fi
passed=0
failed=0
for file in "$shared"/tokenizers/*/tokenizer.json "$shared"/models/*/tokenizer.json models/store/*/*/tokenizer.json; do
  [ -f "$file" ] || continue
  if "$cache/bin/python" test/inference/tokenizer/differential.py "$file" --count "$strings" --shared "$shared" | node dist/test/inference/tokenizer/differential-run.js; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "DIFFERS: $file"
  fi
done
if "$cache/bin/python" test/inference/tokenizer/random_patterns.py 1 "$strings" 2>/dev/null | node dist/test/inference/tokenizer/patterns-run.js; then
  passed=$((passed + 1))
else
  failed=$((failed + 1))
  echo 'DIFFERS: regular expressions'
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
