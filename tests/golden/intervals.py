#!/usr/bin/python3
"""Expected 95 % intervals for tests/engine/learn/intervals_test.cc, by other ways than the engine's.

Student's quantiles: bisection on the integral of the density by Simpson's rule (the engine inverts an incomplete beta
function). Wilson's interval: roots of its quadratic by numpy. Mean and ratio: numpy's sums of squares. Calibration
error: numpy's histogram over 20000 resamples drawn by numpy's generator, so the engine's 200 must agree within their
own error. The data are fractional parts that both sides can write down: x_i = frac((i + 1) phi), y_i = frac((i + 1)
sqrt 2), for i = 0..n-1.
"""
import math

import numpy as np

Z = 1.959963984540054


def fractions(n):
    i = np.arange(1, n + 1, dtype=np.float64)
    x = np.mod(i * ((math.sqrt(5) - 1) / 2), 1)
    y = np.mod(i * math.sqrt(2), 1)
    return x, y


def student_quantile(p, degrees):
    constant = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)

    def below(t):
        # With t = sqrt(degrees) tan(a) the density becomes cos(a)^(degrees - 1): no long tail to integrate.
        top = math.atan(t / math.sqrt(degrees))
        a = np.linspace(0, top, 20001)
        f = np.cos(a) ** (degrees - 1)
        h = top / 20000
        return 0.5 + constant * math.sqrt(degrees) * h / 3 * (f[0] + f[-1] + 4 * f[1:-1:2].sum() + 2 * f[2:-1:2].sum())

    low, high = 0.0, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        if below(middle) < p:
            low = middle
        else:
            high = middle
    return low


def emit(name, value):
    print(f"{name},{value:.12g}")


print("name,value")
for degrees in (1, 2, 3, 4, 5, 9, 30, 999):
    emit(f"student_{degrees}", student_quantile(0.975, degrees))

for successes, n in ((7, 10), (983, 1000), (1, 500)):
    # |p - share| = Z sqrt(p (1 - p) / n)
    share = successes / n
    roots = np.roots([1 + Z * Z / n, -(2 * share + Z * Z / n), share * share])
    emit(f"wilson_{successes}_{n}_low", roots.min())
    emit(f"wilson_{successes}_{n}_high", roots.max())

x, y = fractions(300)
error = np.std(x, ddof=1) / math.sqrt(300)
emit("mean_low", x.mean() - Z * error)
emit("mean_high", x.mean() + Z * error)

numerators, denominators = x * y, 0.5 + y
ratio = numerators.sum() / denominators.sum()
residuals = numerators - ratio * denominators
error = math.sqrt((residuals**2).sum() / 299 / 300) / denominators.mean()
emit("ratio_low", ratio - Z * error)
emit("ratio_high", ratio + Z * error)

seeds = x[:5]
half = student_quantile(0.975, 4) * np.std(seeds, ddof=1) / math.sqrt(5)
emit("student_mean_low", seeds.mean() - half)
emit("student_mean_high", seeds.mean() + half)

x, y = fractions(2000)
probability = 0.1 + 0.9 * x
correct = (y < probability**1.5).astype(np.float64)
bins = np.minimum((probability * 15).astype(int), 14)
residual = correct - probability
ece = np.abs(np.bincount(bins, residual, 15)).sum() / 2000
emit("ece", ece)
generator = np.random.default_rng(1)
values = []
for _ in range(20000):
    drawn = generator.integers(0, 2000, 2000)
    values.append(np.abs(np.bincount(bins[drawn], residual[drawn], 15)).sum() / 2000)
emit("ece_standard_error", np.std(values, ddof=1))
