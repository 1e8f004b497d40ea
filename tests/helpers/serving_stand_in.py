"""Speaks TensorFlow Serving's REST and gRPC over an exported SavedModel, for tests of clients.

Its rules are those of TensorFlow Serving's documentation: columns (`inputs`) and rows
(`instances`), `{"b64": ..}` for bytes, outputs whose name ends with `_bytes` as base64, a single
output without its name, errors as `{"error": ..}`. It batches nothing and watches no folder.
"""

import base64
import contextlib
import http.server
import json
import threading

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2


class RequestError(Exception):
    """A request that is refused: an HTTP status and the reason."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


class Servable:
    """The newest version of one model.

    Args:
        home: folder with a folder for each version.
    """

    def __init__(self, home):
        versions = [path for path in home.iterdir() if path.name.isdecimal()]
        folder = max(versions, key=lambda path: int(path.name))
        self.name, self.version = home.name, int(folder.name)
        self._model = tf.saved_model.load(str(folder))
        content = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        self.definitions = content.meta_graphs[0].signature_def

    def definition(self, signature):
        if signature not in self._model.signatures:
            raise RequestError(400, f"Serving signature name: {signature!r} not found")
        return self.definitions[signature]

    def run(self, signature, inputs):
        """Outputs by name, as arrays; `inputs` are arrays, or nested lists of JSON."""
        specs = self.definition(signature).inputs
        if set(inputs) != set(specs):
            raise RequestError(
                400, f"input size does not match signature: {sorted(inputs)} != {sorted(specs)}"
            )
        try:
            tensors = {
                name: tf.convert_to_tensor(value, tf.dtypes.as_dtype(specs[name].dtype))
                for name, value in inputs.items()
            }
            outputs = self._model.signatures[signature](**tensors)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise RequestError(400, str(error)) from None
        return {name: value.numpy() for name, value in outputs.items()}


def answer_json(servable, body):
    """What `:predict` answers."""
    try:
        request = json.loads(body)
    except ValueError as error:
        raise RequestError(400, f"JSON Parse error: {error}") from None
    signature = request.get("signature_name", "serving_default")
    specs = servable.definition(signature).inputs
    if ("inputs" in request) == ("instances" in request):
        raise RequestError(400, "expected one of 'inputs' and 'instances'")
    rows = "instances" in request
    inputs = _decoded(request["instances" if rows else "inputs"])
    named = isinstance(inputs[0] if rows and inputs else inputs, dict)
    if not named:
        (name,) = specs  # a single input may come without its name
        inputs = {name: inputs}
    elif rows:
        inputs = {name: [row[name] for row in inputs] for name in inputs[0]}
    outputs = {k: _plain(k, v) for k, v in servable.run(signature, inputs).items()}
    if not rows:
        return {"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}
    parts = [dict(zip(outputs, row)) for row in zip(*outputs.values())]
    return {"predictions": parts if len(outputs) > 1 else next(iter(outputs.values()))}


def _decoded(value):
    if isinstance(value, dict):
        if set(value) == {"b64"}:
            return base64.b64decode(value["b64"])
        return {key: _decoded(part) for key, part in value.items()}
    return [_decoded(part) for part in value] if isinstance(value, list) else value


def _plain(name, value):
    if isinstance(value, np.ndarray) and value.ndim:
        return [_plain(name, part) for part in value]
    value = value.item() if isinstance(value, (np.ndarray, np.generic)) else value
    if not isinstance(value, bytes):
        return value
    return {"b64": base64.b64encode(value).decode()} if name.endswith("_bytes") else value.decode()


def metadata_json(servable):
    """What `/metadata` answers."""
    table = {
        name: json_format.MessageToDict(entry, preserving_proto_field_name=True)
        for name, entry in servable.definitions.items()
    }
    return {
        "model_spec": {"name": servable.name, "version": str(servable.version)},
        "metadata": {"signature_def": {"signature_def": table}},
    }


def status_json(servable):
    """What `/v1/models/NAME` answers."""
    status = {"error_code": "OK", "error_message": ""}
    entry = {"version": str(servable.version), "state": "AVAILABLE", "status": status}
    return {"model_version_status": [entry]}


@contextlib.contextmanager
def serve_rest(*servables):
    """The URL of a server, while the block runs."""
    models = {servable.name: servable for servable in servables}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer(lambda model, verb: (metadata_json if verb else status_json)(model))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(lambda model, verb: answer_json(model, body))

        def _answer(self, respond):
            name, _, verb = self.path.removeprefix("/v1/models/").replace(":", "/").partition("/")
            try:
                if name not in models:
                    raise RequestError(404, f"Servable not found for request: Latest({name})")
                status, answer = 200, respond(models[name], verb)
            except RequestError as error:
                status, answer = error.status, {"error": str(error)}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def serve_grpc(*servables):
    """`HOST:PORT` of a server of `PredictionService`, while the block runs."""
    from concurrent import futures

    import grpc
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    models = {servable.name: servable for servable in servables}

    def model_of(request, context):
        name = request.model_spec.name
        if name not in models:
            text = f"Servable not found for request: Latest({name})"
            context.abort(grpc.StatusCode.NOT_FOUND, text)
        return models[name]

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            model, spec = model_of(request, context), request.model_spec
            inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
            try:
                outputs = model.run(spec.signature_name or "serving_default", inputs)
            except RequestError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            answer = predict_pb2.PredictResponse()
            answer.model_spec.CopyFrom(spec)
            answer.model_spec.version.value = model.version
            for name, value in outputs.items():
                answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return answer

        def GetModelMetadata(self, request, context):
            table = get_model_metadata_pb2.SignatureDefMap()
            for name, entry in model_of(request, context).definitions.items():
                table.signature_def[name].CopyFrom(entry)
            answer = get_model_metadata_pb2.GetModelMetadataResponse()
            answer.metadata["signature_def"].Pack(table)
            return answer

    server = grpc.server(futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
