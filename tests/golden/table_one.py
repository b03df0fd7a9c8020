#!/usr/bin/python3
"""Golden values for Table I of Merkel's synaptic scaling paper, made without Torpor's code.

Integrates eq. 11 with dL/dx = 1, m = int p(s) f'(s)^2 s ds / int p(s) f'(s)^2 ds, on a fine grid in double precision,
and evaluates the closed forms of Table I (k = 0.525 for tanh) for the same points.

Regenerate: /usr/bin/python3 tests/golden/table_one.py > tests/golden/table_one.csv
"""
import math

import numpy as np

POINTS = [(-0.1, 0.25), (0.5, 0.25), (1, 1), (-2, 1), (-3, 2), (-5, 3), (-6, 4), (-0.5, 0.05), (0.3, 2), (2, 0.5)]


def numeric(slope, mu, sigma):
    # Exponents relative to the largest weight, so that far tails (-0.5, 0.05) do not underflow.
    s = np.linspace(mu - 40 * sigma, mu + 40 * sigma, 2000001)
    d = slope(s)
    with np.errstate(divide="ignore"):
        log_weight = -((s - mu) ** 2) / (2 * sigma * sigma) + 2 * np.log(np.abs(d))
    weight = np.exp(log_weight - log_weight.max())
    return float((weight * s).sum() / weight.sum())


def relu(s):
    return (s > 0).astype(float)


def sigmoid(s):
    e = np.exp(-np.abs(s))
    return e / (1 + e) ** 2


def tanh(s):
    e = np.exp(-2 * np.abs(s))
    return 4 * e / (1 + e) ** 2


def closed_relu(mu, sigma):
    a = mu / sigma
    return mu + sigma * math.exp(-a * a / 2) / math.sqrt(2 * math.pi) / (math.erfc(-a / math.sqrt(2)) / 2)


def closed(k, mu, sigma):
    return k * k / (sigma * sigma + k * k) * mu


print("activation,mean,stddev,table,numeric")
for mu, sigma in POINTS:
    print(f"relu,{mu},{sigma},{closed_relu(mu, sigma):.9f},{numeric(relu, mu, sigma):.9f}")
    print(f"sigmoid,{mu},{sigma},{closed(1.05, mu, sigma):.9f},{numeric(sigmoid, mu, sigma):.9f}")
    print(f"tanh,{mu},{sigma},{closed(0.525, mu, sigma):.9f},{numeric(tanh, mu, sigma):.9f}")
