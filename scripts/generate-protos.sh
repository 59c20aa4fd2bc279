#!/usr/bin/env bash
# Makes everything under protos/gen from the .proto files: TypeScript types for the services, and one descriptor image
# (comments included) for reflection, JSON transcoding, pipeline checks and OpenAPI. `--check` fails where they are stale.
set -euo pipefail
cd "$(dirname "$0")/.."
out=protos/gen
[ "${1:-}" = --check ] && out=$(mktemp -d)
rm -rf "$out"
mkdir -p "$out"
files=$(cd protos && find plexus inference grpc/health -name '*.proto' | sort)
npx --no-install proto-loader-gen-types --longs=Number --enums=String --defaults --oneofs --grpcLib=@grpc/grpc-js \
  --importFileExtension=.js --includeDirs protos --outDir="$out" $files >/dev/null
rm "$out"/*.ts # the per-file roots; protos/index.ts is the one entry
npx --no-install buf build -o "$out/image.binpb"
if [ "${1:-}" = --check ]; then
  diff -rq "$out" protos/gen || { echo 'protos/gen is stale: run npm run protos'; exit 1; }
  rm -rf "$out"
fi
