# pip install grpcio grpcio-tools
# python -m grpc_tools.protoc -I protos --python_out=gen --grpc_python_out=gen protos/plexus/v1/*.proto
import sys

sys.path.insert(0, sys.argv[2] if len(sys.argv) > 2 else "gen")

import grpc
from plexus.v1 import embed_pb2, embed_pb2_grpc

channel = grpc.insecure_channel(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50050")
embed = embed_pb2_grpc.EmbedStub(channel)
answer = embed.Embed(embed_pb2.EmbedRequest(texts=["a cat", "a kitten"]), timeout=5)
print(len(answer.embeddings), "vectors from", answer.model.name, answer.model.version)
