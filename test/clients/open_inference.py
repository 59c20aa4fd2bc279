"""Triton's own Python client against the Open Inference Protocol of a mesh: python open_inference.py host:port. The mesh serves the
graph `scale` (y = x * by); prints `N passed, N failed`."""

import sys

import numpy
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1])
passed = failed = 0


def fact(name, check):
    global passed, failed
    try:
        assert check(), "not so"
        passed += 1
        print(f"  ok      {name}")
    except Exception as error:  # every failure is counted, whatever it is
        failed += 1
        print(f"  FAILED  {name}: {error}")


def tensor(name, values):
    made = triton.InferInput(name, list(values.shape), "FP32")
    made.set_data_from_numpy(values)
    return made


def infer(x, by, **more):
    return client.infer("scale", [tensor("x", x), tensor("by", by)], **more)


def refused():
    try:
        infer(numpy.ones((2, 2), numpy.float32), numpy.ones((1, 1), numpy.float32))
    except InferenceServerException as error:
        return "INVALID_ARGUMENT" in str(error.status()) and "inputs[1].shape" in error.message()
    return False


x = numpy.array([[1, 2], [3, 4]], numpy.float32)
by = numpy.array([[10], [0.5]], numpy.float32)
fact("is_server_live", client.is_server_live)
fact("is_server_ready", client.is_server_ready)
fact("is_model_ready", lambda: client.is_model_ready("scale") and client.is_model_ready("scale", "1"))
fact("get_server_metadata", lambda: client.get_server_metadata().name == "plexus")
fact(
    "get_model_metadata",
    lambda: [(i.name, i.datatype, list(i.shape)) for i in client.get_model_metadata("scale").inputs]
    == [("x", "FP32", [-1, 2]), ("by", "FP32", [-1, 1])],
)
fact("infer", lambda: (infer(x, by).as_numpy("y") == x * by).all())
fact(
    "infer with a version, an id and a named output",
    lambda: infer(x, by, model_version="1", request_id="7", outputs=[triton.InferRequestedOutput("y")])
    .get_response()
    .id
    == "7",
)
fact("a refusal names the field", refused)
print(f"{passed} passed, {failed} failed")
