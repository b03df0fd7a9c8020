#!/usr/bin/python3
"""Integer training's operations in numpy, from the order that Wu et al. (WAGE, 2018) and
QuantizedSNNs' quantisation.py give them in, for tests/engine/lif/wage_test.cc. Noise is Philox4x32-10
from its definition (Salmon et al., SC 2011), in the streams of engine/quantize/quantise.h."""

import json

import numpy as np

rng = np.random.default_rng(11)
MASK = 0xFFFFFFFF
ROUNDING = 15


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def noise_of(seed, tensor, write, first, count):
    h = philox([write, 0, 0, ROUNDING << 16 | tensor], [seed, 0])
    numbers = [x for i in range((first + count + 3) // 4) for x in philox([i, 0, h[2], h[3]], h[:2])]
    return np.array([(x >> 8) / 2.0 ** 24 for x in numbers[first:first + count]])


def floats(a):
    """As float32 would hold them."""
    return np.asarray(a, np.float32).astype(np.float64)


def step(bits):
    return 2.0 ** (1 - bits)


def clip(x, bits):
    return np.clip(x, -1 + step(bits), 1 - step(bits))


def quantise(x, bits):
    return clip(np.round(x / step(bits)) * step(bits), bits)


def shift(x):
    return 2.0 ** np.round(np.log2(x))


layers, weights, membranes, errors, updates = [], [], [], [], []
for bits in (2, 3, 4, 5, 8, 16):
    for fan_in in (1, 3, 25, 400, 700, 784):
        widest = (2.0 ** (bits - 1) - 0.5) / 2.0 ** (bits - 1)
        limit = float(np.float32(np.sqrt(3 / fan_in)))
        layers.append({"bits": bits, "limit": limit, "bound": max(widest, limit),
                       "scale": max(1.0, shift(widest / limit))})
for bits, scale in ((2, 1), (2, 16), (3, 8), (4, 16), (8, 4), (12, 1)):
    # Halves of steps are among them.
    stored = np.concatenate([floats(rng.uniform(-1.1, 1.1, 12)),
                             np.arange(-4, 5) * step(bits) / 2, [0, 1, -1]])
    weights.append({"bits": bits, "scale": scale, "stored": stored.tolist(),
                    "out": (quantise(stored, bits) / scale).tolist()})
for bits in (2, 4, 8, 12):
    x = np.concatenate([floats(rng.normal(0, 1.2, 12)), np.arange(-3, 4) * step(bits), [5, -5]])
    membranes.append({"bits": bits, "x": x.tolist(), "out": (2 * quantise(clip(x / 2, bits), bits)).tolist()})
for bits in (2, 4, 6, 8):
    error = floats(rng.normal(0, 0.003, 20))
    noise = noise_of(seed=5, tensor=3, write=bits, first=6, count=20)
    scale = shift(np.max(np.abs(error)))
    clipped = clip(error / scale, bits)
    errors.append({"bits": bits, "errors": error.tolist(), "shift": scale,
                   "nearest": quantise(clipped, bits).tolist(),
                   "stochastic": (np.floor(clipped / step(bits) + noise) * step(bits)).tolist()})
for bits, factor in ((2, 1), (4, 4), (8, 4), (8, 0.5), (10, 128)):
    gradient = floats(rng.normal(0, 40, 20))
    noise = noise_of(seed=6, tensor=4, write=bits, first=0, count=20)
    stored = quantise(rng.uniform(-1, 1, 20), bits)
    scale = shift(np.max(np.abs(gradient)))
    change = np.floor(factor * gradient / scale + noise)
    nearest = np.floor(factor * gradient / scale + 0.5)
    updates.append({"bits": bits, "factor": factor, "gradient": gradient.tolist(),
                    "shift": scale, "stored": stored.tolist(),
                    "stochastic": clip(stored - change * step(bits), bits).tolist(),
                    "nearest": clip(stored - nearest * step(bits), bits).tolist()})
print(json.dumps({"layers": layers, "weights": weights, "membranes": membranes, "errors": errors,
                  "updates": updates}, indent=1))
