#!/bin/sh
# npm run test:compose: builds both images, brings docker-compose.yml up on a real engine with a real Consul, and hands over to
# run.ts, which calls it and breaks it. Prints `N passed, N failed` last. Exits 3, in capitals, where no engine can run.
set -eu
cd "$(dirname "$0")/../.."

skipped() {
  echo "SKIPPED: THE COMPOSE STAGE DID NOT RUN. $1" >&2
  exit 3
}
exports=$(scripts/container-engine.sh up) || skipped "SEE THE LINE ABOVE."
eval "$exports"
trap '[ "${PLEXUS_ENGINE_STARTED:-0}" = 0 ] || scripts/container-engine.sh down' EXIT
trap 'exit 130' INT TERM
export DOCKER_BUILDKIT=1

# The secret is empty where no private authority is set; builds use the machine's network, the only one a hand-made engine has.
ca=$(mktemp)
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then cat "$NODE_EXTRA_CA_CERTS" >"$ca"; fi
started=$(date +%s)
for target in service gateway; do
  log=$(mktemp)
  if ! docker build --network=host --secret id=ca,src="$ca" --target "$target" -t "plexus-test-$target" . >"$log" 2>&1; then
    tail -40 "$log"
    rm -f "$log" "$ca"
    echo "0 passed, 1 failed"
    exit 1
  fi
  rm -f "$log"
done
rm -f "$ca"
if binary=$(scripts/fetch-consul.sh); then
  context=$(mktemp -d)
  cp "$binary" "$context/consul"
  printf 'FROM node:20-trixie-slim\nCOPY consul /usr/local/bin/consul\nENTRYPOINT ["consul"]\n' >"$context/Dockerfile"
  docker build -q -t plexus-test-consul "$context" >/dev/null
  rm -rf "$context"
  export CONSUL_IMAGE=plexus-test-consul
fi
echo "images built in $(($(date +%s) - started)) s: $(docker images --format '{{.Repository}} {{.Size}}' | grep '^plexus-test' | sort | paste -sd, | sed 's/,/, /g')"

code=0
PLEXUS_SERVICE_IMAGE=plexus-test-service PLEXUS_GATEWAY_IMAGE=plexus-test-gateway node dist/test/compose/run.js || code=$?
docker image prune -f >/dev/null
docker builder prune -f --keep-storage 3GB >/dev/null 2>&1 || true
exit $code
