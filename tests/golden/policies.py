#!/usr/bin/python3
"""Golden biases and scores of the policies that need data, made with numpy alone (none of Torpor's code).

A 6-5-4-3 network (tanh, sigmoid, sigmoid outputs, BCE) with weights in 64ths and inputs in 16ths, exact in float32 and in
decimal; 24 samples, fewer than a stored distribution has groups, so that distributions are the samples themselves. All in
double.

  m         eq. 11 of Merkel, E[delta^2 s] / E[delta^2], deltas of the summed BCE by hand-written backpropagation
  matched   engine/scaling/matched_bias.h: hidden biases by bisection, signal above as affine in that of full power
  direct    the same recipe on the samples themselves (the notes' matched mean + output gain); equal in the first layer
  shift     t with mean_p sum_i sigmoid(gain s_pi + t) = 1 for the scores of a single layer, by bisection

Regenerate: /usr/bin/python3 tests/golden/policies.py > tests/golden/policies.json
"""
import json

import numpy as np

rng = np.random.default_rng(20250311)
sizes = [6, 5, 4, 3]
W = [rng.integers(-96, 97, (o, i)) / 64 for i, o in zip(sizes, sizes[1:])]
b = [rng.integers(-64, 65, o) / 64 for o in sizes[1:]]
X = rng.integers(0, 17, (24, 6)) / 16
X[rng.random(X.shape) < 0.3] = 0
labels = rng.integers(0, 3, 24)


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


f = [np.tanh, sigmoid, sigmoid]
slope = [lambda x: 1 - x * x, lambda x: x * (1 - x)]


def bisect(mean, target, n):
    low, high = np.full(n, -80.0), np.full(n, 80.0)
    for _ in range(200):
        c = (low + high) / 2
        low, high = np.where(mean(c) < target, c, low), np.where(mean(c) < target, high, c)
    return (low + high) / 2


def forward(eps, c, X):
    s, u = [], X
    for l in range(3):
        s.append(eps[l] * u @ W[l].T + c[l])
        u = f[l](s[-1])
    return s


S = forward([1, 1, 1], b, X)
H = [f[l](S[l]) for l in range(3)]
U = [X, H[0], H[1]]

delta = [None, None, sigmoid(S[2]) - np.eye(3)[labels]]
delta[1] = delta[2] @ W[2] * slope[1](H[1])
delta[0] = delta[1] @ W[1] * slope[0](H[0])
m = [(d * d * s).sum(0) / (d * d).sum(0) for d, s in zip(delta, S)]


def matched(eps):
    c, gains = [], []
    offset, scale = None, None
    for l in range(3):
        centred = S[l] - S[l].mean(0)
        if l == 0:
            gain = eps[0]
            mean = eps[0] * (S[0].mean(0) - b[0])
        else:
            weight = ((U[l] - U[l].mean(0)) * (centred @ W[l])).mean(0)
            gain = eps[l] * (scale * weight).sum() / weight.sum()
            mean = eps[l] * W[l] @ (offset + scale * U[l].mean(0))
        gains.append(gain)
        if l == 2:
            c.append(gain * S[2].mean(0) - mean)
            break
        own = bisect(lambda c: f[l](mean + gain * centred + c).mean(0), H[l].mean(0), sizes[l + 1])
        c.append(own)
        x = f[l](mean + gain * centred + own)
        full = H[l] - H[l].mean(0)
        scale = (full * x).sum(0) / (full * full).sum(0)
        offset = x.mean(0) - scale * H[l].mean(0)
    return c, gains


def direct(eps):
    c, u = [], X
    for l in range(3):
        z = eps[l] * u @ W[l].T
        if l == 2:
            centred = S[2] - S[2].mean(0)
            gain = ((z - z.mean(0)) * centred).sum() / (centred**2).sum()
            c.append(gain * S[2].mean(0) - z.mean(0))
            return c, gain
        c.append(bisect(lambda c: f[l](z + c).mean(0), H[l].mean(0), sizes[l + 1]))
        u = f[l](z + c[-1])


modes = []
for eps in [[1, 1, 1], [0.5, 0.5, 0.5], [0.1, 0.1, 0.1], [0.3, 1, 0.8]]:
    tangent = [e * bl + (1 - e) * ml for e, bl, ml in zip(eps, b, m)]
    c, gains = matched(eps)
    by_data, gain = direct(eps)
    modes.append({"epsilon": eps, "empirical": forward(eps, tangent, X)[2].tolist(),
                  "matched": forward(eps, c, X)[2].tolist(), "matched_gain": gains[2],
                  "direct_hidden": by_data[0].tolist(), "direct": forward(eps, by_data, X)[2].tolist(),
                  "direct_gain": gain})

# A single layer: the first 3 rows of W[0] as a network of its own, with sigmoid outputs.
single = X @ W[0][:3].T
shifts = []
for eps in [1, 0.5, 0.1]:
    for c in ["NONE", "HOMOGENEOUS"]:
        for gained in [False, True]:
            factor = 1 / eps if gained else 1
            s = factor * (eps * single + (b[0][:3] if c == "NONE" else eps * b[0][:3]))
            t = -bisect(lambda c: -sigmoid(s - c).sum(1).mean(), -1.0, 1)[0]
            shifts.append({"epsilon": eps, "bias": c, "output_gain": gained, "shift": t, "scores": (s + t).tolist()})

print(json.dumps({"W": [w.tolist() for w in W], "b": [x.tolist() for x in b], "inputs": X.tolist(),
                  "labels": labels.tolist(), "m": [x.tolist() for x in m], "modes": modes, "shifts": shifts}, indent=0))
