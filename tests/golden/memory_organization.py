#!/usr/bin/python3
"""Golden figures of memory organisations, from the formulas of Schaefer et al. 2020 (arXiv 2003.11639) written a second
time, access by access, and the fit of their coefficients to the published energies of dense arrays.

"arrays": storage (bits) and energies (pJ) of arrays in each scheme with each profile.
"fit": coefficients that minimise the soft-L1 loss of the logarithms of 214 published energies (published.csv), from
another start than the profile's values; the loss and the errors at both. Regenerate:
/usr/bin/python3 tests/golden/memory_organization.py > tests/golden/memory_organization.json
"""
import csv
import json
import math
import pathlib

import numpy as np

NAMES = ["e_a", "e_b", "p", "c", "c_ptr", "k_r", "k_w", "e_m", "e_mt", "c_fun"]
PROFILES = {
    "memory-synthesis": [10.58, .223, .135, 0, 15.93, 1.22, 1.27, .156, 10.46, .2],
    "memory-45nm-packed": [0, 10 / 64, .5, .1, .2, 1, 2, .156, 1.25, .1],
    "memory-45nm-half-fixed": [5, .078, .5, .1, .2, 1, 2, .156, 1.25, .1],
}


def log2_up(x):
    return math.ceil(math.log2(x)) if x > 1 else 0


def energy(q, width, capacity):
    return (q["e_a"] + q["e_b"] * width) * (max(capacity, 1024) / 65536) ** q["p"]


def dense(q, scheme, n_in, n_out, b, density):
    """Storage (bits), forward, backward, update (pJ)."""
    n = n_in * n_out
    z = density * n
    b_i, b_o, b_p = log2_up(n_out), log2_up(n_in), log2_up(z + 1)
    if scheme == "crossbar":
        e = energy(q, b, n * b)
        return n * b, n * (e + q["c"]), n * (q["k_r"] * e + q["c"]), n * q["k_w"] * e
    if scheme == "coordinate-list":
        size = z * (b + b_i + b_o)
        e = energy(q, b + b_i + b_o, size)
        return size, z * (e + q["c"]), z * (q["k_r"] * e + q["c"]), z * q["k_w"] * energy(q, b, size)
    pointers_in, pointers_out = (n_in + 1) * b_p, (n_out + 1) * b_p
    if scheme == "pointer-index":
        table, reverse = z * (b + b_i), z * (b_o + b_p)
        e = energy(q, b, table)
        forward = z * (energy(q, b + b_i, table) + q["c"] + q["c_ptr"]) + 2 * n_in * energy(q, b_p, pointers_in)
        backward = (z * (q["k_r"] * e + q["c"] + q["c_ptr"] + energy(q, b_o + b_p, reverse))
                    + 2 * n_out * energy(q, b_p, pointers_out))
        return table + pointers_in + reverse + pointers_out, forward, backward, z * q["k_w"] * e
    assert scheme == "pointer-bitmap"
    table = z * b
    e, pointer = energy(q, b, table), energy(q, b_p, pointers_in)
    return (n + table + pointers_in, z * (e + q["c"]) + q["e_m"] * n + n_in * pointer,
            z * (q["k_r"] * e + q["c"]) + q["e_mt"] * n + n_out * pointer, z * q["k_w"] * e)


def convolution(q, scheme, h, w, k_h, k_w, c_i, c_o, b, density):
    """The same for kernels that are used at h x w places."""
    n = k_h * k_w * c_i * c_o
    z, places = density * n, h * w
    o, i_c, i_i, a = log2_up(k_h) + log2_up(k_w), log2_up(c_o), log2_up(c_i), log2_up(z)
    if scheme in ("crossbar", "functional"):
        e = energy(q, b, n * b)
        adders = q["c_fun"] if scheme == "functional" else 0
        visits = n * places
        return (n * b, visits * (e + q["c"] + adders), visits * (q["k_r"] * e + q["c"] + adders),
                visits * q["k_w"] * e)
    visits = z * places
    if scheme == "coordinate-list":
        width = b + o + i_c + i_i
        e = energy(q, width, z * width)
        return (z * width, visits * (e + q["c"]), visits * (q["k_r"] * e + q["c"]),
                visits * q["k_w"] * energy(q, b, z * width))
    if scheme == "pointer-index":
        table, reverse = z * (b + o + i_c), z * (o + i_i + a)
        e = energy(q, b, table)
        return (table + (c_i + 1) * a + reverse + (c_o + 1) * a,
                visits * (energy(q, b + o + i_c, table) + q["c"] + q["c_ptr"]),
                visits * (q["k_r"] * e + q["c"] + q["c_ptr"] + energy(q, o + i_i + a, reverse)),
                visits * q["k_w"] * e)
    assert scheme == "pointer-bitmap"
    e = energy(q, b, z * b)
    return (n + z * b + (c_i * k_h * k_w + 1) * a, visits * (e + q["c"]) + q["e_m"] * n * places,
            visits * (q["k_r"] * e + q["c"]) + q["e_mt"] * n * places, visits * q["k_w"] * e)


def table():
    dense_schemes = ["crossbar", "coordinate-list", "pointer-index", "pointer-bitmap"]
    rows = []
    for profile, values in PROFILES.items():
        q = dict(zip(NAMES, values))
        for shape in ([784, 128], [1024, 128], [700, 400], [1, 1], [3, 65537]):
            for bits, density in ((1, 1), (8, .5), (5, .97), (32, .01)):
                for scheme in dense_schemes:
                    rows.append([profile, scheme, shape, bits, density, dense(q, scheme, *shape, bits, density)])
        for shape in ([28, 28, 3, 3, 32, 32], [5, 9, 1, 4, 3, 100]):
            for bits, density in ((2, 1), (8, .3)):
                for scheme in dense_schemes + ["functional"]:
                    rows.append([profile, scheme, shape, bits, density, convolution(q, scheme, *shape, bits, density)])
    keys = ["profile", "scheme", "shape", "bits", "density", "storage_forward_backward_update"]
    return [dict(zip(keys, row)) for row in rows]


SCHEMES = {"crossbar": "crossbar", "pb_csr": "pointer-index", "pb_bmp": "pointer-bitmap"}


def published():
    path = pathlib.Path(__file__).parent / "memory" / "published.csv"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    for row in csv.DictReader(lines):
        if row["layer"].startswith("fc_"):
            n_in, n_out = map(int, row["layer"][3:].split("x"))
            yield (SCHEMES[row["scheme"]], n_in, n_out, int(row["bits"]), float(row["density"]),
                   float(row["forward_uJ"]), float(row["backward_update_uJ"]))


ROWS = list(published())


def errors(values):
    """Logarithms of model / published."""
    q = dict(zip(NAMES, values))
    out = []
    for scheme, n_in, n_out, bits, density, forward_uj, learning_uj in ROWS:
        _, forward, backward, update = dense(q, scheme, n_in, n_out, bits, density)
        out += [math.log(forward * 1e-6 / forward_uj), math.log((backward + update) * 1e-6 / learning_uj)]
    return np.array(out)


def loss(e):
    return float(np.sum(np.sqrt(1 + e * e) - 1))


def fit(start):
    """Levenberg-Marquardt on the logarithms of the coefficients, residuals reweighted for the soft-L1 loss."""
    x, damping = np.log(np.array(start)), 1e-2
    full = lambda x: list(np.exp(x)) + [.2]
    e = errors(full(x))
    for _ in range(400):
        columns = []
        for i in range(len(x)):
            step = np.zeros(len(x))
            step[i] = 1e-5
            columns.append((errors(full(x + step)) - e) / 1e-5)
        j = np.array(columns).T
        weight = 1 / np.sqrt(1 + e * e)
        normal, gradient = j.T @ (weight[:, None] * j), j.T @ (weight * e)
        # Coefficients that vanish would run to minus infinity.
        move = np.clip(np.linalg.solve(normal + damping * np.eye(len(x)), -gradient), -2, 2)
        tried = np.maximum(x + move, math.log(1e-6))
        e_tried = errors(full(tried))
        if loss(e_tried) < loss(e):
            x, e, damping = tried, e_tried, max(damping / 3, 1e-12)
        else:
            damping = min(damping * 4, 1e9)
    return full(x)


def statistics(values):
    e = errors(values)
    return {"coefficients": dict(zip(NAMES, values)), "loss": loss(e), "rms_log_error": float(np.sqrt(np.mean(e * e))),
            "median_error": float(np.median(np.abs(np.exp(e) - 1))), "figures": len(e)}


print(json.dumps({
    "arrays": table(),
    "fit": {"ours": statistics(fit([5, .5, .3, .5, 5, 1.5, 1.5, .5, 3])),
            "profile": statistics(PROFILES["memory-synthesis"])},
}, indent=None, separators=(",", ":")).replace('{"profile"', '\n{"profile"'))
