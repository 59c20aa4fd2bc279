#!/usr/bin/env bash
# npm run check: format and lint (arrows between rooms included), types, protos fresh and compatible, pages fresh, the tests of
# the rooms with their coverage. `npm test` adds what starts a whole mesh or Consul and what computes figures again.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
step() {
  local name=$1 started=$SECONDS
  shift
  if "$@" >"$log" 2>&1; then
    echo "ok      $name ($((SECONDS - started)) s)"
  else
    echo "FAILED  $name"
    cat "$log"
    failed=1
  fi
}
breaking() {
  # Against the last commit: what clients were generated from must keep working.
  git rev-parse --verify -q HEAD:protos >/dev/null || return 0
  git archive HEAD buf.yaml protos | npx --no-install buf breaking --against '-#format=tar'
}
step 'format and lint' npx --no-install biome check .
step 'types' npm run --silent build
step 'protos lint' npx --no-install buf lint
step 'protos compatible with the last commit' breaking
step 'protos/gen is fresh' scripts/generate-protos.sh --check
if [ "${1:-}" != --no-tests ]; then
  # The slowest files (real models token by token, real downloads, real processes) wait for npm test too.
  npx --no-install c8 mocha --parallel --jobs 2 --reporter dot \
    --ignore 'dist/test/**/{parity,generator,pull,kill,upstream,network,encoder}.test.js' \
    'dist/test/{chassis,cli,gateway,inference,models,registry,services}/**/*.test.js' dist/test/docs/pages.test.js || failed=1
fi
exit $failed
