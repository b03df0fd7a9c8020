#!/usr/bin/python3
"""Golden spikes, membranes, losses and gradients of small networks with Q, P and R traces, in double, by numpy alone.

The equations of the slides (Schaefer et al., 2020) as they stand, with traces of every *input* of a layer, so that the
filter comes before the weights. Layer with inputs S_j (spikes, means of spikes, or intensities), weights W, own traces:

  DELAYED    U_i[n] = sum_j W_ij P_j[n] - delta R_i[n];  S_i[n] = 1 where U_i[n] > threshold
             Q_j[n+1] = alpha Q_j[n] + S_j[n];  P_j[n+1] = beta P_j[n] + Q_j[n];  R_i[n+1] = gamma R_i[n] + S_i[n]
  IMMEDIATE  Q_j[n] = alpha Q_j[n-1] + S_j[n];  P_j[n] = beta P_j[n-1] + Q_j[n];  U and S as above, then
             R_i[n+1] = gamma (R_i[n] + S_i[n])

All traces start at 0. A recurrent layer has further inputs, with weights V: its own spikes S_k[n-1] where S_j[n] stands
(none at n = 0). alpha, beta are those of the layer that has the weights. The last layer of a network that integrates
has no threshold: no spikes, R = 0; its scores are the mean of U over n = 0..T-1. Scores of one that spikes: its counts.
A convolution is the same with shared weights; avg_pool2d gives means of spikes in their step; flatten changes no order
(channel, row, column).

Losses, each the mean over samples:
  CE           softmax cross-entropy of the scores
  SPIKE_COUNT  sum over units of (count / T - share)^2, share 0.8 for the label's unit, 0 for others
  VAN_ROSSUM   sqrt(sum over n and units of (f - f*)^2 / tau), f[n] = kappa f[n-1] + S[n], f* alike of the target; tau
               5e-3, kappa 0.75

Gradients by forward sensitivities: every number of the network is a value with its derivatives by all weights at once,
brought forward through each equation above in its order; nothing goes backward through time. Of the step, dS = dU /
(1 + slope |U - threshold|)^2. Without `reset_gradient` the S that enters R has no derivatives.

Asserted: no U of a spiking unit comes within MARGIN of its threshold, so that float32 gives the same spikes; the method
agrees with difference quotients (1e-6) where the step is replaced by its primitive x / (1 + slope |x|); and with
`--torch` (Debian's python3-torch), all gradients agree with autograd.py to 1e-12.

The file: {"cases": [...]}. A case has name, order, slope, reset_gradient, loss, read_out, steps, samples, and
  input           shape of a step's input; inputs [samples x steps x input values]; code SPIKES or DIRECT
  labels          [samples];  targets [samples x steps x units], VAN_ROSSUM alone
  layers          name, kind, outputs (shape); with neurons: alpha, beta, gamma, delta, threshold; dense: weights
                  [units x inputs] and, recurrent, recurrent_weights [units x units], of the spikes of the column's
                  unit; conv2d: weights [channels x input channels x height x width], kernel, stride, padding;
                  avg_pool2d: kernel, stride
  and as results  per layer: spikes (pools: means) and, with neurons, membranes U, [samples x steps x outputs]; gradient
                  and recurrent_gradient as the weights; of the whole: scores [samples x classes], losses [samples],
                  loss_value
Numbers are doubles to their last digit; arrays of zeros and ones are words, one a step. Weights and inputs are exact in
float32.

Regenerate: /usr/bin/python3 tests/golden/lif/generate.py > tests/golden/lif/gradients.json
"""
import json
import sys

import numpy as np

MARGIN = 1e-3
TAU, KAPPA, RIGHT, OTHER = 5e-3, 0.75, 0.8, 0.0


# ---- Values with their derivatives by all weights --------------------------------------------------------------------


class Dual:
    """v: any shape; d: that shape and one more axis, a derivative for each weight of the network."""

    def __init__(self, v, d):
        self.v, self.d = v, d

    def __add__(self, other):
        return Dual(self.v + other.v, self.d + other.d)

    def __sub__(self, other):
        return Dual(self.v - other.v, self.d - other.d)

    def __mul__(self, factor):  # by a number
        return Dual(factor * self.v, factor * self.d)

    __rmul__ = __mul__

    def __getitem__(self, key):
        return Dual(self.v[key], self.d[key])

    def reshape(self, *shape):
        return Dual(self.v.reshape(shape), self.d.reshape(*shape, self.d.shape[-1]))


def constant(v, weights):
    v = np.asarray(v, float)
    return Dual(v, np.zeros(v.shape + (weights,)))


def product(w, x):
    """sum_j w_ij x_bj -> [b, i]"""
    return Dual(np.einsum("ij,bj->bi", w.v, x.v),
                np.einsum("ijk,bj->bik", w.d, x.v) + np.einsum("ij,bjk->bik", w.v, x.d))


def stack(duals):
    return Dual(np.stack([x.v for x in duals], 1), np.stack([x.d for x in duals], 1))


# ---- The network -----------------------------------------------------------------------------------------------------


def places(layer, shape):
    """Windows of an image: lists of (output row, column, kernel row, column, input row, column) that see the image."""
    (kh, kw), (sh, sw), (ph, pw) = layer["kernel"], layer["stride"], layer.get("padding", [0, 0])
    height, width = (shape[1] + 2 * ph - kh) // sh + 1, (shape[2] + 2 * pw - kw) // sw + 1
    seen = [(y, x, i, j, y * sh + i - ph, x * sw + j - pw)
            for y in range(height) for x in range(width) for i in range(kh) for j in range(kw)]
    return height, width, [s for s in seen if 0 <= s[4] < shape[1] and 0 <= s[5] < shape[2]]


def weighted(layer, w, x, shape):
    """sum_j W_ij x_j of a layer, [b x outputs]."""
    if layer["kind"] == "dense":
        return product(w, x)
    image = x.reshape(len(x.v), *shape)
    height, width, seen = places(layer, shape)
    out = constant(np.zeros((len(x.v), layer["channels"], height, width)), x.d.shape[-1])
    for y, column, i, j, row, at in seen:
        part = product(w[:, :, i, j], image[:, :, row, at])
        out.v[:, :, y, column] += part.v
        out.d[:, :, y, column] += part.d
    return out.reshape(len(x.v), -1)


def pooled(layer, x, shape):
    image = x.reshape(len(x.v), *shape)
    height, width, seen = places(layer, shape)
    out = constant(np.zeros((len(x.v), shape[0], height, width)), x.d.shape[-1])
    share = 1 / (layer["kernel"][0] * layer["kernel"][1])
    for y, column, i, j, row, at in seen:
        out.v[:, :, y, column] += share * image.v[:, :, row, at]
        out.d[:, :, y, column] += share * image.d[:, :, row, at]
    return out.reshape(len(x.v), -1)


def step(case, layer, u, smooth):
    x, k = u.v - layer["threshold"], case["slope"]
    value = x / (1 + k * np.abs(x)) if smooth else (x > 0).astype(float)
    return Dual(value, u.d / ((1 + k * np.abs(x)) ** 2)[..., None])


def run_layer(case, layer, w, v, inputs, spiking, smooth):
    """inputs: Dual [b x T x inputs]; gives membranes and spikes [b x T x outputs]."""
    samples, steps, number = inputs.v.shape[0], inputs.v.shape[1], inputs.d.shape[-1]
    units = int(np.prod(layer["outputs"]))
    zero_in = constant(np.zeros((samples, inputs.v.shape[2])), number)
    zero_out = constant(np.zeros((samples, units)), number)
    q, p, r, last = zero_in, zero_in, zero_out, zero_out
    own_q, own_p = zero_out, zero_out
    alpha, beta, gamma, delta = (layer[name] for name in ("alpha", "beta", "gamma", "delta"))
    membranes, spikes = [], []
    for n in range(steps):
        if case["order"] == "IMMEDIATE":
            q = alpha * q + inputs[:, n]
            p = beta * p + q
            own_q = alpha * own_q + last
            own_p = beta * own_p + own_q
        u = weighted(layer, w, p, layer["inputs"]) - delta * r
        if v is not None:
            u = u + product(v, own_p)
        s = step(case, layer, u, smooth) if spiking else zero_out
        of_reset = s if case["reset_gradient"] else constant(s.v, number)
        if case["order"] == "IMMEDIATE":
            r = gamma * (r + of_reset)
        else:
            p, q = beta * p + q, alpha * q + inputs[:, n]
            own_p, own_q = beta * own_p + own_q, alpha * own_q + last
            r = gamma * r + of_reset
        last = s
        membranes.append(u)
        spikes.append(s)
    return stack(membranes), stack(spikes)


def total(x):
    return Dual(x.v.sum(), x.d.reshape(-1, x.d.shape[-1]).sum(0))


def loss_of(case, sample, scores, spikes):
    """One sample's."""
    if case["loss"] == "CE":
        e = np.exp(scores.v - scores.v.max())
        share, label = e / e.sum(), case["labels"][sample]
        return Dual(-np.log(share[label]), share @ scores.d - scores.d[label])
    if case["loss"] == "SPIKE_COUNT":
        wanted = np.full(scores.v.shape, OTHER)
        wanted[case["labels"][sample]] = RIGHT
        error = scores * (1 / case["steps"]) - constant(wanted, scores.d.shape[-1])
        return total(Dual(error.v ** 2, 2 * error.v[:, None] * error.d))
    f = constant(np.zeros(spikes.v.shape[1:]), spikes.d.shape[-1])
    summed = constant(0.0, spikes.d.shape[-1])
    for n in range(case["steps"]):
        f = KAPPA * f + spikes[n] - constant(case["targets"][sample][n], spikes.d.shape[-1])
        summed = summed + total(Dual(f.v ** 2, 2 * f.v[:, None] * f.d))
    root = np.sqrt(summed.v / TAU)
    return Dual(root, summed.d / (2 * TAU * root))


def arrays_of(layers):
    return [(layer, name) for layer in layers for name in ("weights", "recurrent_weights") if name in layer]


def run(case, smooth=False):
    """Puts the results into a copy of the case."""
    case = dict(case, layers=[dict(layer) for layer in case["layers"]])
    held = arrays_of(case["layers"])
    number = sum(layer[name].size for layer, name in held)
    duals, at = {}, 0
    for layer, name in held:
        w = layer[name]
        duals[layer["name"], name] = Dual(w, np.eye(number)[at:at + w.size].reshape(*w.shape, number))
        at += w.size
    x = constant(case["inputs"], number)
    samples, steps = x.v.shape[:2]
    for layer in case["layers"]:
        if layer["kind"] == "flatten":
            pass
        elif layer["kind"] == "avg_pool2d":
            x = stack([pooled(layer, x[:, n], layer["inputs"]) for n in range(steps)])
        else:
            spiking = layer is not case["layers"][-1] or case["read_out"] == "SPIKES"
            u, x = run_layer(case, layer, duals[layer["name"], "weights"],
                             duals.get((layer["name"], "recurrent_weights")), x, spiking, smooth)
            layer["membranes"] = u.v
            if spiking:
                case["margin"] = min(case.get("margin", np.inf), np.abs(u.v - layer["threshold"]).min())
        layer["spikes"] = x.v
    out = u if case["read_out"] == "INTEGRATING" else x
    scores = Dual(out.v.sum(1), out.d.sum(1)) * (1 / steps if case["read_out"] == "INTEGRATING" else 1.0)
    losses = [loss_of(case, b, scores[b], x[b]) for b in range(samples)]
    gradient, at = sum(loss.d for loss in losses) / samples, 0
    for layer, name in held:
        size = layer[name].size
        layer[name.replace("weights", "gradient")] = gradient[at:at + size].reshape(layer[name].shape)
        at += size
    case.update(scores=scores.v, losses=np.array([loss.v for loss in losses]),
                loss_value=float(np.mean([loss.v for loss in losses])))
    return case


# ---- Cases -----------------------------------------------------------------------------------------------------------

NEURON = {"alpha": 0.7, "beta": 0.9, "gamma": 0.9, "delta": 1.0, "threshold": 1.0}
PAPER = {"alpha": 0.75, "beta": 0.875, "gamma": 0.875, "delta": 1.0, "threshold": 0.9}
QUICK = {"alpha": 0.0, "beta": 0.625, "gamma": 0.5, "delta": 0.75, "threshold": 0.5}


def dense(units, scale=0.5, neuron=NEURON, recurrent=False):
    return dict(neuron, kind="dense", units=units, scale=scale, recurrent=recurrent)


def single(x):
    return np.asarray(x, np.float32).astype(float)


def build(name, layers, rng, order, loss, read_out, reset_gradient, slope=5.0, code="SPIKES", shape=(7,), steps=12,
          samples=3):
    case = {"name": f"{name} {order}", "order": order, "slope": slope, "reset_gradient": reset_gradient, "loss": loss,
            "read_out": read_out, "code": code, "steps": steps, "samples": samples, "input": list(shape)}
    inputs = int(np.prod(shape))
    draws = rng.random((samples, steps, inputs))
    case["inputs"] = (draws < 0.25).astype(float) if code == "SPIKES" else \
        single(np.repeat(draws[:, :1], steps, 1) * (draws[:, :1] < 0.7))
    case["layers"] = []
    for k, layer in enumerate(layers):
        layer = dict(layer, name=f"layer{k}", inputs=list(shape))
        scale = layer.pop("scale", None)
        if layer["kind"] == "dense":
            layer["weights"] = single(rng.normal(0.25 * scale, scale, (layer["units"], int(np.prod(shape)))))
            if layer.pop("recurrent"):
                layer["recurrent_weights"] = single(rng.normal(0, scale, (layer["units"],) * 2))
            shape = (layer.pop("units"),)
        elif layer["kind"] == "conv2d":
            layer["weights"] = single(rng.normal(0.25 * scale, scale, (layer["channels"], shape[0], *layer["kernel"])))
            shape = (layer["channels"],) + places(layer, shape)[:2]
        elif layer["kind"] == "avg_pool2d":
            shape = (shape[0],) + places(layer, shape)[:2]
        else:
            shape = (int(np.prod(shape)),)
        layer["outputs"] = list(shape)
        case["layers"].append(layer)
    case["labels"] = [int(rng.integers(0, shape[0])) for _ in range(samples)]
    if loss == "VAN_ROSSUM":
        case["targets"] = (rng.random((samples, steps, shape[0])) < 0.3).astype(float)
    return case


CONVOLUTION = [
    dict(NEURON, kind="conv2d", channels=3, kernel=[3, 2], stride=[2, 1], padding=[1, 1], scale=0.5),
    {"kind": "avg_pool2d", "kernel": [2, 2], "stride": [1, 1]},
    dict(QUICK, kind="conv2d", channels=2, kernel=[2, 3], stride=[1, 1], padding=[0, 0], scale=0.7),
    {"kind": "flatten"},
    dense(3),
]
KINDS = [
    ("integrating", [dense(5), dense(3)], dict(loss="CE", read_out="INTEGRATING", reset_gradient=False)),
    ("integrating, reset", [dense(5), dense(3)], dict(loss="CE", read_out="INTEGRATING", reset_gradient=True)),
    ("two hidden", [dense(6), dense(5, neuron=PAPER), dense(3, neuron=QUICK)],
     dict(loss="CE", read_out="INTEGRATING", reset_gradient=True, slope=2.0)),
    ("recurrent", [dense(6, recurrent=True), dense(3)],
     dict(loss="CE", read_out="INTEGRATING", reset_gradient=True)),
    ("recurrent, detached", [dense(5, neuron=PAPER, recurrent=True), dense(4, recurrent=True), dense(3)],
     dict(loss="CE", read_out="INTEGRATING", reset_gradient=False, slope=3.0)),
    ("van rossum", [dense(6, neuron=PAPER), dense(4, neuron=PAPER)],
     dict(loss="VAN_ROSSUM", read_out="SPIKES", reset_gradient=True, slope=2.0)),
    ("van rossum, detached, recurrent", [dense(5), dense(4, recurrent=True)],
     dict(loss="VAN_ROSSUM", read_out="SPIKES", reset_gradient=False, slope=100.0)),
    ("spike count", [dense(5), dense(3)], dict(loss="SPIKE_COUNT", read_out="SPIKES", reset_gradient=False)),
    ("spike count, reset", [dense(5), dense(5), dense(3)],
     dict(loss="SPIKE_COUNT", read_out="SPIKES", reset_gradient=True)),
    ("counts by cross-entropy", [dense(5), dense(3)], dict(loss="CE", read_out="SPIKES", reset_gradient=True)),
    ("direct", [dense(5, scale=0.25), dense(3)],
     dict(loss="CE", read_out="INTEGRATING", reset_gradient=True, code="DIRECT")),
    ("no hidden", [dense(3)], dict(loss="VAN_ROSSUM", read_out="SPIKES", reset_gradient=True)),
    ("convolution", CONVOLUTION,
     dict(loss="CE", read_out="INTEGRATING", reset_gradient=True, shape=(2, 6, 5), samples=2)),
]


def lively(case):
    """Every spiking layer has spikes of more than half its units, is no siren, and is not near a threshold."""
    for layer in case["layers"]:
        if "membranes" not in layer or (layer is case["layers"][-1] and case["read_out"] == "INTEGRATING"):
            continue
        s = layer["spikes"]
        if not 0.03 < s.mean() < 0.6 or (s.sum((0, 1)) > 0).mean() <= 0.5:
            return False
    gradients = [layer[name.replace("weights", "gradient")] for layer, name in arrays_of(case["layers"])]
    return case["margin"] > MARGIN and all(np.abs(g).max() > 1e-3 for g in gradients)


# ---- Checks ----------------------------------------------------------------------------------------------------------


def check_quotients(case):
    """With the step replaced by its primitive, derivatives are difference quotients."""
    whole, rng = run(dict(case, reset_gradient=True), smooth=True), np.random.default_rng(1)
    for k, layer in enumerate(case["layers"]):
        for name in ("weights", "recurrent_weights"):
            if name not in layer:
                continue
            direction, values = rng.normal(size=layer[name].shape), []
            for sign in (1, -1):
                layers = [dict(other) for other in case["layers"]]
                layers[k][name] = layer[name] + sign * 1e-6 * direction
                values.append(run(dict(case, layers=layers, reset_gradient=True), smooth=True)["loss_value"])
            quotient = (values[0] - values[1]) / 2e-6
            slope = (whole["layers"][k][name.replace("weights", "gradient")] * direction).sum()
            assert abs(quotient - slope) < 1e-6 * max(1, abs(slope)), (case["name"], name, quotient, slope)


def check_autograd(case):
    """The largest difference of the loss and of any gradient from what PyTorch makes of the same equations."""
    import autograd

    loss, gradients = autograd.loss_and_gradients(case)
    return max([abs(loss - case["loss_value"])] +
               [np.abs(gradients[layer["name"], name] - layer[name.replace("weights", "gradient")]).max()
                for layer, name in arrays_of(case["layers"])])


# ---- The file --------------------------------------------------------------------------------------------------------


def plain(x, key=""):
    if isinstance(x, dict):
        return {k: plain(v, k) for k, v in x.items() if k != "margin"}
    if isinstance(x, np.ndarray):
        # Spikes and targets are zeros and ones, a word for each step's.
        if key in ("spikes", "targets", "inputs") and np.isin(x, (0, 1)).all():
            return [["".join("01"[int(v)] for v in row) for row in sample] for sample in x]
        return x.tolist()
    if isinstance(x, list):
        return [plain(v) for v in x]
    return x


def main():
    cases = []
    for number, (name, layers, settings) in enumerate(KINDS):
        for order in ("DELAYED", "IMMEDIATE"):
            wanted, seed = (2 if number in (2, 3) else 1), 0
            while wanted > 0:
                rng = np.random.default_rng([20261121, number, order == "IMMEDIATE", seed])
                case = run(build(name, layers, rng, order, **settings))
                seed += 1
                assert seed < 2000, name
                if not lively(case):
                    continue
                wanted -= 1
                case["name"] += f" {seed - 1}"
                check_quotients(case)
                cases.append(case)
                difference = f"{check_autograd(case):.1e}" if "--torch" in sys.argv else "not asked"
                rates = [f"{layer['spikes'].mean():.2f}" for layer in case["layers"]]
                print(f"{case['name']:45} margin {case['margin']:.4f} loss {case['loss_value']:.4f} rates {rates} "
                      f"torch {difference}", file=sys.stderr, flush=True)
                assert "--torch" not in sys.argv or float(difference) < 1e-12
    lines = ",\n".join(json.dumps(plain(case), separators=(",", ":")) for case in cases)
    sys.stdout.write('{"cases":[\n' + lines + "\n]}\n")


main()
