"""Makes onnx_dynamic_quantize_linear.json: what ONNX Runtime's DynamicQuantizeLinear gives.

    pip install onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
    python bitnet-core/tests/vectors/make_onnx.py

Floats are kept as the bits of float32, so that nothing is lost on the way. The data is random by seed: another
run on the same versions writes the same file.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

F = np.float32
TARGET = pathlib.Path(__file__).with_name("onnx_dynamic_quantize_linear.json")


def session():
    """A model of one node, on one thread."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero_point"])],
        "dynamic_quantize_linear",
        [info("x", TensorProto.FLOAT, ["n"])],
        [
            info("y", TensorProto.UINT8, ["n"]),
            info("scale", TensorProto.FLOAT, []),
            info("zero_point", TensorProto.UINT8, []),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def ties(step):
    """The floats at and beside every tie of a range of 255 steps from 0."""
    middles = ((np.arange(255) + 0.5) * float(step)).astype(F)
    below, above = np.nextafter(middles, F(-np.inf)), np.nextafter(middles, F(np.inf))
    return np.concatenate([below, middles, above, [F(255 * float(step))]]).astype(F)


def inputs():
    """(label, x)"""
    random = np.random.default_rng(20261123)
    for n in [1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 100, 255, 256, 1000, 1023, 1024, 1025, 2049, 5003]:
        yield f"normal, {n}", random.standard_normal(n)
    for n in [7, 130]:
        yield f"all positive, {n}", random.uniform(0.5, 3.0, n)
        yield f"all negative, {n}", random.uniform(-3.0, -0.5, n)
        yield f"far from zero, {n}", random.uniform(1000.0, 1001.0, n)
        yield f"scale 1e-30, {n}", random.standard_normal(n) * 1e-30
        yield f"scale 1e30, {n}", random.standard_normal(n) * 1e30
        yield f"one outlier, {n}", np.append(random.standard_normal(n - 1), 1e4)
        yield f"many exponents, {n}", random.standard_normal(n) * 10.0 ** random.integers(-6, 6, n)
    yield "one zero", [0.0]
    yield "zeros of both signs", [0.0, -0.0, -0.0, 0.0, 0.0]
    yield "one positive", [0.7]
    yield "one negative", [-0.7]
    yield "all equal", np.full(33, -2.5)
    yield "every step", np.arange(256) - 100.0
    yield "every step, scale 2^-9", (np.arange(256) - 37.0) / 512
    yield "ties, step 1", ties(1.0)
    yield "ties, step 1/3", ties(F(1 / 3))
    yield "ties about the zero point", np.arange(-128, 128) + 0.5
    yield "a zero point at a tie", np.append(np.linspace(-0.5, 254.5, 60), 0.0)
    yield "the greatest range", [1.7e38, -1.7e38, 1e38, 0.0]
    yield "the greatest float", [np.finfo(F).max, 1.0, 3e37]
    yield "a range beyond float32", [3e38, -3e38, 1e38]
    yield "a subnormal scale", [1e-37, -3e-38, 5e-38, 2e-38]
    yield "subnormals", np.append(random.uniform(-1e-39, 1e-39, 40), 0.0)
    yield "the scale is zero", [1e-45, 0.0, -1e-45, 1e-44, 0.0, -0.0, 1e-45, 0.0]
    yield "plus infinity", [np.inf, 1.0, -1.0, 0.0]
    yield "minus infinity", [-np.inf, 1.0, -1.0, 0.0]


def bits(values):
    return np.atleast_1d(values).astype(F).view(np.uint32).tolist()


def main():
    run = session()
    cases = []
    for label, values in inputs():
        x = np.asarray(values, dtype=np.float64).astype(F)
        y, scale, zero_point = run.run(None, {"x": x})
        cases.append(
            {
                "label": label,
                "x_bits": bits(x),
                "y": y.tolist(),
                "scale_bits": bits(scale)[0],
                "zero_point": int(zero_point),
            }
        )
    made_by = f"onnxruntime {onnxruntime.__version__}, CPUExecutionProvider, opset 11"
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    TARGET.write_text(f'{{"made_by":"{made_by}","cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
