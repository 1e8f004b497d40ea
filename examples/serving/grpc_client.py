"""As `rest_client.py`, over gRPC: faster, because images are not written as text.

pip install numpy grpcio tensorflow-serving-api
python grpc_client.py dcgan_shapes OUTPUT
python grpc_client.py pix2pix_pairs OUTPUT --image sketch.png
"""

import sys

import grpc
import numpy as np
import rest_client
import tensorflow as tf
from rest_client import ServingError
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

HOST = "localhost:8500"
MEGABYTES = 64  # of an answer; gRPC takes 4 by default
TYPES = {"DT_FLOAT": np.float32, "DT_INT32": np.int32, "DT_INT64": np.int64, "DT_STRING": object}


def connect(host=HOST):
    """A stub of the prediction service."""
    limit = MEGABYTES * 2**20
    options = [("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", limit)]
    return prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(host, options))


def signatures(model, stub):
    """As in `rest_client`."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = model
    answer = _called(stub.GetModelMetadata, request)
    table = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(table)
    return {
        name: {
            key: (
                types_pb2.DataType.Name(spec.dtype),
                [size.size for size in spec.tensor_shape.dim],
            )
            for key, spec in entry.inputs.items()
        }
        for name, entry in table.signature_def.items()
        if entry.inputs
    }


def predict(model, signature, inputs, specs, stub, timeout=60.0):
    """Outputs by name, as NumPy arrays; files are bytes."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, value in inputs.items():
        array = np.asarray(value, TYPES[specs[name][0]])
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    answer = _called(stub.Predict, request, timeout)
    return {name: tf.make_ndarray(value) for name, value in answer.outputs.items()}


def _called(method, request, timeout=60.0):
    try:
        return method(request, timeout)
    except grpc.RpcError as error:
        raise ServingError(f"{error.code().name}: {error.details()}") from None


def main(words=None):
    parser = rest_client.arguments(__doc__)
    parser.add_argument("--host", default=HOST)
    flags = parser.parse_args(words)
    stub = connect(flags.host)
    try:
        table = signatures(flags.model, stub)
        name, inputs = rest_client.chosen(flags, table)
        outputs = predict(flags.model, name, inputs, table[name], stub)
        print(f"{rest_client.save(outputs, flags.output)} images")
    except (ServingError, OSError) as error:
        sys.exit(f"grpc_client.py: {error}")


if __name__ == "__main__":
    main()
