#!/usr/bin/python3
"""Compares networks of leaky neurons with PyTorch on this machine, one thread each, in one run.

The same networks as lif_bench: 784 - H - 10 over 25 steps, latency code, membranes integrated over time, cross-entropy,
Adam, batches of 128; and the pattern task 700 - 400 - 250 over 250 steps with van Rossum's distance and the reset's
gradient. Spikes are encoded beforehand and the read-out's filter is summed before its weights. Three ways, all without
leaving PyTorch's own operators:

  autograd  one dense product over all steps, then elementwise operations step by step, the surrogate's gradient as an
            autograd.Function: what is usually written. The bars refer to it.
  adjoint   the same product; traces filtered over all steps by a product with the filter's matrix or in place, the
            reset alone step by step, and the adjoint scan written out as one autograd.Function for the layer; loops
            plain or compiled by TorchScript. The fastest of these.
  lookup    as `adjoint`, with PyTorch's sparse product or its embedding bags for the input product: sums of rows of the
            weights, which is what an event-driven simulator does. The fastest of these.

`--check` proves that these are the same networks: losses and gradients of golden cases, in double.

lif_bench prints a row after each measurement. It is stopped after each row that is compared, PyTorch is timed, and it
goes on: measurements alternate within seconds, and other load hurts both alike. Times are the processes' own. Median of
the rounds' ratios.

  /usr/bin/python3 tests/bench/compare_torch_lif.py build/release/bin/lif_bench [--rounds 3] [--seconds 0.5]

Needs Debian's python3-torch. Prints a table, or one JSON object with -o json.
"""
import argparse
import itertools
import json
import signal
import statistics
import subprocess
import sys
import time

import torch

from torch_lif import PLAIN, SCRIPTED, Bags, Images, Layer, Pattern, Product, Sparse, check

ALPHA, BETA, GAMMA, THRESHOLD, SLOPE = 0.7, 0.9, 0.9, 1.0, 5.0
STEPS, BATCH = 25, 128
# Rows of lif_bench, and the ratio that each is held to.
ROWS = {"latency H200 T25 training": 6, "latency H200 T25 inference": 10, "latency H1000 T25 training": 6,
        "latency H1000 T25 inference": 10, "pattern 700-400-250 T250": 12}


# ---- Timing ----------------------------------------------------------------------------------------------------------


def rate(step, each, seconds):
    step()
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        step()
        count += 1
    return count * each / (time.process_time() - start)


def latency_spikes(events):
    """A batch [steps x batch x 784] with about so many spikes a sample, as a latency code has them: at most one an
    input, none in the last four steps."""
    spikes = torch.zeros(STEPS, BATCH, 784)
    chosen = (torch.rand(BATCH, 784) < events / 784).nonzero()
    at = torch.randint(0, STEPS - 4, (len(chosen),))
    spikes[at, chosen[:, 0], chosen[:, 1]] = 1
    return spikes


def pattern_spikes(events):
    interval = 1.25 + 0.25 * (torch.arange(700) // 5)
    spikes = (torch.rand(250, 700) < events / (1 / interval).sum() / 250 / interval).float()
    return spikes, (torch.rand(250, 250) < 0.038).float()


# Products, filters by product or in place, and loops of each kind.
KINDS = {"autograd": ((Product,), (False,), (None,)),
         "adjoint": ((Product,), (True, False), (PLAIN, SCRIPTED)),
         "lookup": ((Sparse, Bags), (True, False), (PLAIN, SCRIPTED))}


def candidates(what, kind, events):
    """Ways to do one step of a row, and samples a step."""
    for product, by_product, loops in itertools.product(*KINDS[kind]):
        torch.manual_seed(1)
        if what.startswith("pattern"):
            layer = Layer(250, 0.75, 0.875, 0.875, 1.0, 0.9, 2.0, True, True, by_product, loops)
            yield Pattern(*pattern_spikes(events), product, (layer, layer)).train, 1
            continue
        layer = Layer(STEPS, ALPHA, BETA, GAMMA, 1.0, THRESHOLD, SLOPE, False, False, by_product, loops)
        hidden = int(what.split()[1][1:])
        network = Images(hidden, latency_spikes(events), torch.arange(BATCH) % 10, product, layer)
        yield (network.train if what.endswith("training") else network.infer), BATCH


class Rivals:
    """The fastest way of each kind for each row, found once."""

    def __init__(self):
        self.found = {}

    def time(self, what, kind, events, seconds):
        if (what, kind) not in self.found:
            ways = candidates(what, kind, events)
            self.found[what, kind] = max(ways, key=lambda way: rate(*way, min(seconds, 0.3)))
        return rate(*self.found[what, kind], seconds)


def one_round(options, rivals, results):
    """lif_bench once, stopped after each row that is compared."""
    command = [options.bench, str(options.seconds)] + (["--data", options.data] if options.data else [])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bench:
        wanted, events = set(options.rows), 0
        for line in bench.stdout:
            row = json.loads(line)
            what = row.get("what", "")
            events = row.get("events_per_sample", row.get("events", events))
            if what not in wanted:
                continue
            bench.send_signal(signal.SIGSTOP)
            for kind in KINDS:
                theirs = rivals.time(what, kind, events, options.seconds)
                results[what].append((kind, row["per_second"], theirs))
            bench.send_signal(signal.SIGCONT)
            wanted.remove(what)
            if not wanted:
                break
        bench.kill()
    if wanted:
        sys.exit(f"{options.bench} printed no row {sorted(wanted)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", nargs="?", help="path of lif_bench")
    parser.add_argument("--check", action="store_true", help="compare with golden gradients alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one measurement")
    parser.add_argument("--data", help="dataset path with mnist/ for lif_bench; default: random pixels")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    difference = check()
    if options.output == "table":
        print(f"torch {torch.__version__}: golden losses and gradients to {difference:.1e}")
    if options.check:
        return
    if options.bench is None:
        parser.error("path of lif_bench")
    rivals, results = Rivals(), {what: [] for what in options.rows}
    for _ in range(options.rounds):
        one_round(options, rivals, results)

    rows = []
    if options.output == "table":
        print(f"{'what':30} {'torch by':8} {'torpor/s':>9} {'torch/s':>9} {'ratio':>6}  bar")
    for what, timed in results.items():
        for kind in KINDS:
            pairs = [(ours, theirs) for k, ours, theirs in timed if k == kind]
            ratio = statistics.median(ours / theirs for ours, theirs in pairs)
            bar = ROWS[what] if kind == "autograd" else None
            rows.append({"what": what, "kind": kind, "torpor": statistics.median(ours for ours, _ in pairs),
                         "torch": statistics.median(theirs for _, theirs in pairs), "ratio": ratio, "bar": bar})
            if options.output == "table":
                verdict = "" if bar is None else f">= {bar} {'met' if ratio >= bar else 'MISSED'}"
                print(f"{what:30} {kind:8} {rows[-1]['torpor']:9.0f} {rows[-1]['torch']:9.1f} {ratio:6.1f}  {verdict}")
    if options.output == "json":
        json.dump({"torch": torch.__version__, "rounds": options.rounds, "rows": rows}, sys.stdout)
        print()


if __name__ == "__main__":
    main()
