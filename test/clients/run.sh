#!/usr/bin/env bash
# npm run test:clients: generated clients in Python and Go call every method of every service through a real mesh, and Triton's own
# client its part.
# A language that is not here is skipped, loudly. Tools and stubs go to a cache outside the tree.
set -uo pipefail
cd "$(dirname "$0")/../.."
cache=${PLEXUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plexus}/clients
mkdir -p "$cache"
work=$(mktemp -d)
read -r grpc http < <(node -e '
  const net = require("node:net");
  const open = [net.createServer(), net.createServer()];
  Promise.all(open.map((s) => new Promise((done) => s.listen(0, "127.0.0.1", done)))).then(() => {
    console.log(open.map((s) => s.address().port).join(" "));
    for (const s of open) s.close();
  });')
gateway=127.0.0.1:$grpc

# A graph of one's own, for clients of the Open Inference Protocol.
mkdir -p "$work/models/scale"
node --input-type=module -e '
  import { writeFileSync } from "node:fs";
  import { onnxModel } from "./dist/test/kit/onnx.js";
  const value = (name, width) => ({ name, type: "float32", shape: ["batch", width] });
  const steps = [{ op: "Mul", inputs: ["x", "by"], outputs: ["y"] }];
  writeFileSync(process.argv[1], onnxModel({ steps, inputs: [value("x", 2), value("by", 1)], outputs: [value("y", 2)] }));
' "$work/models/scale/model.onnx"

PLEXUS_MODELS=$work/models node bin/plexus.js up --grpc "$gateway" --http "127.0.0.1:$http" >"$work/up.log" 2>&1 &
mesh=$!
cleanup() {
  kill -TERM "$mesh" 2>/dev/null
  wait "$mesh" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
for _ in $(seq 1 120); do
  grep -q '^ready in' "$work/up.log" && break
  kill -0 "$mesh" 2>/dev/null || break
  sleep 0.5
done
if ! grep -q '^ready in' "$work/up.log"; then
  echo 'the mesh did not become ready:'
  cat "$work/up.log"
  echo '0 passed, 1 failed'
  exit 1
fi

python_client() {
  command -v python3 >/dev/null || { echo 'SKIPPED: NO python3 HERE, THE PYTHON CLIENT IS NOT TESTED'; return; }
  local venv=$cache/python
  if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import grpc_tools, grpc_reflection, google.rpc' 2>/dev/null; then
    python3 -m venv "$venv" && "$venv/bin/pip" install -q grpcio grpcio-tools grpcio-reflection googleapis-common-protos ||
      { echo 'SKIPPED: grpcio-tools CANNOT BE INSTALLED HERE, THE PYTHON CLIENT IS NOT TESTED'; return; }
  fi
  local gen=$work/python
  mkdir -p "$gen/grpc_health_gen"
  (cd protos && "$venv/bin/python" -m grpc_tools.protoc -I . --python_out="$gen" --grpc_python_out="$gen" plexus/v1/*.proto) &&
    (cd protos/grpc/health/v1 && "$venv/bin/python" -m grpc_tools.protoc -I . --python_out="$gen/grpc_health_gen" --grpc_python_out="$gen/grpc_health_gen" health.proto) &&
    sed -i 's/^import health_pb2/from grpc_health_gen import health_pb2/' "$gen/grpc_health_gen/health_pb2_grpc.py" ||
    { echo 'stubs for Python could not be generated'; echo '0 passed, 1 failed'; return; }
  "$venv/bin/python" examples/python/all_methods.py "$gateway" "$gen" || true
  if "$venv/bin/python" examples/python/quickstart.py "$gateway" "$gen"; then echo '1 passed, 0 failed'; else echo '0 passed, 1 failed'; fi
  # Our own HTTP/2 against C-core, as client and as server.
  if PLEXUS_PYTHON=$venv/bin/python npx mocha dist/test/gateway/upstream/transport.test.js dist/test/chassis/http2/server.test.js --grep C-core; then
    echo '1 passed, 0 failed'
  else
    echo '0 passed, 1 failed'
  fi
}

triton_client() {
  command -v python3 >/dev/null || { echo 'SKIPPED: NO python3 HERE, THE CLIENT OF TRITON IS NOT TESTED'; return; }
  local venv=$cache/triton
  if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import tritonclient.grpc' 2>/dev/null; then
    python3 -m venv "$venv" && "$venv/bin/pip" install -q 'tritonclient[grpc]' ||
      { echo 'SKIPPED: tritonclient CANNOT BE INSTALLED HERE, THE CLIENT OF TRITON IS NOT TESTED'; return; }
  fi
  "$venv/bin/python" test/clients/open_inference.py "$gateway" || true
}

go_client() {
  command -v go >/dev/null || { echo 'SKIPPED: NO go HERE, THE GO CLIENT IS NOT TESTED'; return; }
  local bin=$cache/go/bin
  if [ ! -x "$bin/protoc-gen-go" ] || [ ! -x "$bin/protoc-gen-go-grpc" ]; then
    GOBIN=$bin go install google.golang.org/protobuf/cmd/protoc-gen-go@latest && GOBIN=$bin go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@latest ||
      { echo 'SKIPPED: protoc-gen-go CANNOT BE INSTALLED HERE, THE GO CLIENT IS NOT TESTED'; return; }
  fi
  cp -r examples/go "$work/go"
  PATH=$bin:$PATH npx --no-install buf generate --template examples/go/buf.gen.yaml -o "$work/go" --path protos/plexus/v1 &&
    (cd "$work/go" && go mod tidy >/dev/null 2>&1 && go build -o client .) ||
    { echo 'the Go client could not be built'; echo '0 passed, 1 failed'; return; }
  "$work/go/client" "$gateway" || true
}

python_client 2>&1 | tee "$work/python.log"
triton_client 2>&1 | tee "$work/triton.log"
go_client 2>&1 | tee "$work/go.log"
! grep -hE '^[0-9]+ passed, [1-9][0-9]* failed' "$work/python.log" "$work/triton.log" "$work/go.log" >/dev/null
