"""What a layer answers as a TFLite file, and of which operations the file is made."""

import tensorflow as tf

from tfgan_suite import compat


def tflite_outputs(call, layer, folder, **inputs):
    """Converts a function of named arrays by way of a SavedModel, and runs it.

    A conversion of the function itself would read the variables of a Keras 3 layer as garbage.

    Args:
        call: takes tensors by name.
        layer: the layer whose variables `call` uses.
        folder: where the SavedModel goes.
        **inputs: float32 arrays; no two of one shape.

    Returns:
        The output, and the names of the file's operations.
    """
    module = tf.Module()
    module.weights = [compat.tensor_variable(variable) for variable in layer.variables]
    specs = {name: tf.TensorSpec(array.shape, name=name) for name, array in inputs.items()}
    run = tf.function(lambda **tensors: {"outputs": call(**tensors)}, autograph=False)
    signatures = {"outputs": run.get_concrete_function(**specs)}
    path = str(folder / "layer")
    tf.saved_model.save(module, path, signatures=signatures)
    content = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=["outputs"]).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        shape = list(detail["shape"])
        array = next(a for a in inputs.values() if list(a.shape) == shape)
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    outputs = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    operations = {operation["op_name"] for operation in interpreter._get_ops_details()}
    return outputs, operations - {"DELEGATE"}
