#!/usr/bin/python3
"""Golden energies: what published device figures make of counted activity, computed from the formulas alone.

Part 1, an analogue crossbar: one inference of a 784-1000-10 network on HfOx ReRAM (Wan et al., Nature 2022) in 128 x 128
arrays of pairs, a single read by amplitude, with the periphery of ISAAC (ISCA 2016) at the lower end, the value and the
upper end of each coefficient. The activity is that of a network trained on MNIST, mean over 10 000 test images: sums
over inputs of u^2 times the column sums of |w| / max|w|, and of u^2 times twice the units. Beside it the figures to which the same
study rounds them.

Part 2, TrueNorth: three models of the energy of an image for the published points.

Regenerate: /usr/bin/python3 tests/golden/energy.py > tests/golden/energy.json
"""
import json
from math import ceil

V, T, GMAX, GMIN, TILE, BITS = 0.2, 100e-9, 40e-6, 1e-6, 128, 8
LAYERS = [dict(n=784, m=1000, signal=6380.0, floor=178686.0), dict(n=1000, m=10, signal=18.0, floor=243.0)]

# pJ: low, value, high.
ADC, DRIVER, REGISTER_BIT = (0.5, 1.67, 6.5), (0.04, 1.0, 3.1), (0.03, 0.12, 0.12)
SHIFT_ADD, OUT_REGISTER, ADD = (0.021, 0.021, 0.1), (0.01, 0.024, 0.05), (0.05, 0.16, 0.2)
ACTIVATION, BUFFER_BIT = (0.2, 0.25, 0.5), (0.03, 0.08, 0.2)


def layer_cells(layer, t=T):
    return V * V * t * ((GMAX - GMIN) * layer["signal"] + GMIN * layer["floor"])


conversions = sum(ceil(l["n"] / TILE) * l["m"] for l in LAYERS)
drives = sum(l["n"] * ceil(2 * l["m"] / TILE) for l in LAYERS)
units = sum(l["m"] for l in LAYERS)
# Written once and read once between layers; the last outputs are only written.
bits = BITS * (LAYERS[0]["n"] + sum(l["n"] + l["m"] for l in LAYERS))


def periphery(end):
    adc = ADC[end] * conversions
    driver = DRIVER[end] * drives
    digital = (REGISTER_BIT[end] * BITS * drives + (SHIFT_ADD[end] + OUT_REGISTER[end] + ADD[end]) * conversions
               + ACTIVATION[end] * units + BUFFER_BIT[end] * bits)
    return [1e-12 * x for x in (adc, driver, digital)]


cells = [layer_cells(l) for l in LAYERS]
adc, driver, digital = periphery(1)
total = sum(cells) + adc + driver + digital
crossbar = dict(
    layers=LAYERS, conversions=conversions, drives=drives, bits=bits, cells=cells, adc=adc, driver=driver,
    digital=digital, total=total, share=sum(cells) / total, periphery_low=sum(periphery(0)),
    periphery_high=sum(periphery(2)),
    low=sum(periphery(0)) + sum(layer_cells(l, 1e-9) for l in LAYERS),
    high=sum(periphery(2)) + sum(layer_cells(l, 1e-6) for l in LAYERS),
    rounded=dict(cells=1.71e-9, adc=11.8e-9, driver=13.5e-9, digital=17.0e-9, periphery=42.4e-9, share=0.039,
                 periphery_low=9.0e-9, periphery_high=109.7e-9))

SMALL, LARGE = dict(cores=5, copies=1, events=10.1e3), dict(cores=30, copies=64, events=148.6e3 * 64)


def truenorth(constant, core_tick, event, point):
    return constant + core_tick * point["cores"] * point["copies"] + event * point["events"]


models = {
    "truenorth-cores": ((0, 56.25e-9, 0), (0.268e-6, 108e-6)),
    "truenorth-events": ((0, 51.8e-9, 0.90e-12), (0.268e-6, 108e-6)),
    "truenorth-offset": ((0.0932e-6, 62.97e-9, 0), (0.408e-6, 121e-6)),
}
points = {
    name: [dict(published=p, model=truenorth(*model, net)) for p, net in zip(published, (SMALL, LARGE))]
    for name, (model, published) in models.items()
}
print(json.dumps(dict(crossbar=crossbar, truenorth=points), indent=1))
