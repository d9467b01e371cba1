"""Makes pytorch.json: what PyTorch gives in double precision for the kernels of activation.metal.

    pip install torch==2.15.0 numpy==2.4.6
    python bitnet-core/tests/vectors/make_pytorch.py

A case holds the values of the parameter struct by field, the contents of the buffers that the kernel reads by
buffer index (exact in float32) and of those it writes (float64, to 12 digits), each as one string of numbers. Backward
kernels that take something the forward saved (an output, a mean) get it rounded to float32, and PyTorch's
own backward operator gets the same. The data is random by seed: another run on the same versions writes the
same file.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

aten = torch.ops.aten
TARGET = pathlib.Path(__file__).with_name("pytorch.json")
RANDOM = np.random.default_rng(20261123)

EDGES = [0.0, -0.0, 1e-40, -1e-40, 1.2e-38, -1.2e-38, 1e-20, -1e-20, 1e30, -1e30]
SPECIAL = EDGES + [float("inf"), float("-inf"), float("nan")]
LEAST = [-0.7517915, -0.7524614, -1.2784645]


def f32(values):
    """Values that float32 holds, as float64."""
    return torch.tensor(np.asarray(values, dtype=np.float32).astype(np.float64))


def normal(*shape, scale=1.0):
    return f32(RANDOM.standard_normal(shape) * scale)


def uniform(*shape, low=-1.0, high=1.0):
    return f32(RANDOM.uniform(low, high, shape))


def scalar(value):
    """What float32 makes of a constant."""
    return float(np.float32(value))


def text(values, digits=None):
    """One string of numbers: so many digits of each, or as few as float32 needs to read it back."""
    array = values.detach().numpy().reshape(-1) if torch.is_tensor(values) else values
    if array.dtype.kind in "iu":
        return " ".join(str(v) for v in array)
    return " ".join(f"{v:.{digits}g}" if digits else str(np.float32(v)) for v in array)


CASES = []


def case(kernel, label, params, buffers, expected):
    CASES.append(
        {
            "kernel": kernel,
            "label": label,
            "params": params,
            "buffers": {str(at): text(data) for at, data in buffers.items()},
            "expected": {str(at): text(data, digits=12) for at, data in expected.items()},
        }
    )


def pulled_back(function, upstream, *arguments):
    """The derivatives of Σ upstream·function by each argument."""
    leaves = [a.clone().requires_grad_(True) for a in arguments]
    return torch.autograd.grad((function(*leaves) * upstream).sum(), leaves)


def inputs():
    yield "normal", normal(40, scale=3.0)
    yield "tails", f32(np.concatenate([np.linspace(-14, 14, 29), np.linspace(-100, 100, 21)]))
    yield "near the least value", f32([x + d for x in LEAST for d in (-0.1, -1e-3, 0.0, 1e-3, 0.1)])
    yield "special values", f32(SPECIAL)


def activations():
    slope = scalar(0.01)
    functions = {
        "relu": F.relu,
        "relu_squared": lambda x: F.relu(x) ** 2,
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "swish": F.silu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "leaky_relu": lambda x: F.leaky_relu(x, slope),
    }
    from_output = {"sigmoid": aten.sigmoid_backward, "tanh": aten.tanh_backward}
    for name, function in functions.items():
        for label, x in inputs():
            params = {"count": len(x)} | ({"slope": slope} if name == "leaky_relu" else {})
            case(f"{name}_forward", label, params, {0: x}, {1: function(x)})
            dy = torch.ones_like(x) if label == "special values" else normal(len(x))
            if name in from_output:
                y = f32(function(x))
                case(f"{name}_backward", label, params, {0: dy, 1: y}, {2: from_output[name](dy, y)})
            else:
                (dx,) = pulled_back(function, dy, x)
                case(f"{name}_backward", label, params, {0: dy, 1: x}, {2: dx})


def dropout():
    x = f32(SPECIAL + list(RANDOM.standard_normal(50)))
    params = {"count": len(x), "probability": 0.0, "seed_low": 1, "seed_high": 2, "write_mask": 0}
    case("fused_relu_dropout", "p = 0 is plain ReLU", params, {0: x}, {1: F.relu(x)})
    for p in [0.25, 0.5]:
        dy, kept = normal(70), RANDOM.random(70) >= p
        words = np.packbits(np.pad(kept, (0, 96 - 70)), bitorder="little").view(np.uint32)
        params = {"count": 70, "probability": p, "seed_low": 1, "seed_high": 2, "write_mask": 1}
        dx = aten.native_dropout_backward(dy, torch.tensor(kept), 1.0 / (1.0 - p))
        case("fused_relu_dropout_backward", f"p = {p}", params, {0: dy, 1: words}, {2: dx})


SIZES = [(1, 1), (1, 7), (3, 32), (3, 33), (2, 70)]


def norms():
    epsilon = scalar(1e-5)
    for rows, size in SIZES:
        for label, x in [("normal", normal(rows, size)), ("far from zero", normal(rows, size) + 100.0)]:
            x = f32(x)
            gamma, beta, dy = normal(size), normal(size), normal(rows, size)
            label = f"{label}, {rows}×{size}"
            params = {"size": size, "rows": rows, "epsilon": epsilon}
            y, mean, rstd = aten.native_layer_norm(x, [size], gamma, beta, epsilon)
            case("layer_norm_forward", label, params, {0: x, 1: gamma, 2: beta}, {3: y, 5: mean, 6: rstd})
            mean, rstd = f32(mean), f32(rstd)
            gradients = aten.native_layer_norm_backward(
                dy, x, [size], mean, rstd, gamma, beta, [True, True, True]
            )
            case(
                "layer_norm_backward",
                label,
                params,
                {0: dy, 1: x, 2: gamma, 3: mean, 4: rstd},
                dict(zip([5, 6, 7], gradients)),
            )
            y, rstd = aten._fused_rms_norm(x, [size], gamma, epsilon)
            case("rms_norm_forward", label, params, {0: x, 1: gamma}, {2: y, 4: rstd})
            norm = lambda x, gamma: F.rms_norm(x, [size], gamma, epsilon)
            gradients = pulled_back(norm, dy, x, gamma)
            buffers = {0: dy, 1: x, 2: gamma, 3: f32(rstd)}
            case("rms_norm_backward", label, params, buffers, dict(zip([4, 5], gradients)))


def logits():
    for rows, size in SIZES:
        yield f"normal, {rows}×{size}", normal(rows, size, scale=4.0)
    inf, nan = float("inf"), float("nan")
    yield "far apart", f32([[1000.0, -1000.0, 999.0], [1e30, 1e30, -1e30], [-0.0, 0.0, 1e-40]])
    yield "some −∞", f32([[-inf, 1.0, 2.0], [-inf, -inf, 0.0]])
    yield "rows of −∞", f32([[-inf, -inf, -inf], [1.0, 2.0, 3.0]])
    yield "+∞ and NaN", f32([[inf, 1.0, 2.0], [nan, 1.0, 2.0], [1.0, 2.0, 3.0]])


def softmax_and_loss():
    for label, x in logits():
        rows, size = x.shape
        params = {"size": size, "rows": rows}
        y = torch.softmax(x, 1)
        case("softmax_forward", label, params, {0: x}, {1: y})
        dy, y = normal(rows, size), f32(y)
        dx = aten._softmax_backward_data(dy, y, 1, torch.float64)
        case("softmax_backward", label, params, {0: dy, 1: y}, {2: dx})

        labels = torch.tensor(RANDOM.integers(0, size, rows))
        scale = scalar(1.0 / rows)
        params = {"classes": size, "rows": rows, "scale": scale}
        loss = lambda x: F.cross_entropy(x, labels, reduction="none")
        case("cross_entropy_forward", label, params, {0: x, 1: labels}, {2: loss(x)})
        (dx,) = pulled_back(loss, torch.full([rows], scale, dtype=torch.float64), x)
        case("cross_entropy_backward", label, params, {0: x, 1: labels}, {2: dx})


def stepped(optimizer, parameters, gradients, state, **options):
    """The parameters and the optimiser's state after one step from a given state."""
    leaf = parameters.clone().requires_grad_(True)
    leaf.grad = gradients.clone()
    step = optimizer([leaf], **options)
    if state:
        step.state[leaf] = {k: v.clone() if torch.is_tensor(v) else v for k, v in state.items()}
    step.step()
    return leaf, step.state[leaf]


def optimizers():
    rate, decay, epsilon = scalar(2.5e-3), scalar(0.1), scalar(1e-8)
    beta1, beta2 = scalar(0.9), scalar(0.98)
    for step in [1, 2, 100]:
        p, g = normal(40), normal(40)
        m, v = (normal(40, scale=0.1), f32(normal(40, scale=0.1) ** 2)) if step > 1 else [f32(np.zeros(40))] * 2
        state = {"step": torch.tensor(float(step - 1)), "exp_avg": m, "exp_avg_sq": v}
        options = {"lr": rate, "betas": (beta1, beta2), "eps": epsilon, "weight_decay": decay}
        after, state = stepped(torch.optim.AdamW, p, g, state, foreach=False, **options)
        params = {
            "count": 40,
            "learning_rate": rate,
            "beta1": beta1,
            "beta2": beta2,
            "epsilon": epsilon,
            "weight_decay": decay,
            "bias_correction1": scalar(1 - beta1**step),
            "bias_correction2": scalar(1 - beta2**step),
        }
        expected = {0: after, 2: state["exp_avg"], 3: state["exp_avg_sq"]}
        case("adamw_step", f"step {step}", params, {0: p, 1: g, 2: m, 3: v}, expected)

    for momentum, dampening, decay, nesterov in [
        (0.0, 0.0, 0.0, False),
        (0.0, 0.0, 0.1, False),
        (0.9, 0.0, 0.0, False),
        (0.9, 0.5, 0.01, False),
        (0.9, 0.0, 0.01, True),
    ]:
        for first in [True, False]:
            momentum, dampening, decay = scalar(momentum), scalar(dampening), scalar(decay)
            p, g, b = normal(40), normal(40), normal(40)
            options = {
                "lr": rate,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": decay,
                "nesterov": nesterov,
            }
            state = {} if first else {"momentum_buffer": b}
            after, state = stepped(torch.optim.SGD, p, g, state, foreach=False, **options)
            label = f"momentum {momentum:g}, decay {decay:g}, Nesterov {nesterov}, first {first}"
            params = {
                "count": 40,
                "learning_rate": rate,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": decay,
                "nesterov": int(nesterov),
                "first_step": int(first),
            }
            buffers, expected = {0: p, 1: g}, {0: after}
            if momentum != 0.0:
                buffers[2] = f32(np.full(40, np.nan)) if first else b
                expected[2] = state["momentum_buffer"]
            case("sgd_step", label, params, buffers, expected)


def main():
    torch.set_num_threads(1)
    activations()
    dropout()
    norms()
    softmax_and_loss()
    optimizers()
    made_with = f"PyTorch {torch.__version__.split('+')[0]}, float64"
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in CASES)
    TARGET.write_text(f'{{"made_with": "{made_with}", "cases": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
