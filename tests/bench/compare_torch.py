#!/usr/bin/python3
"""Compares training and inference with PyTorch on this machine, in one run.

Both do the same work on the same shapes: 784-1000-10 (ReLU, sigmoid) and 784-10, Adam with BCE at batch 128, and
inference of scores at batch 1, 64 and 1024 (Torpor also meters synaptic power); the convolutional network of
client/recipes/lenet.yaml with cross-entropy, and inference at batch 1, 64 and 128. Measurements alternate, round by round,
and the ratio of each round is taken, so that other load on the machine hurts both alike; the median is printed.

PyTorch is given both one thread and as many as Torpor, and the better of the two counts: OpenBLAS threads wait by
spinning, so on a busy machine PyTorch can be slower with two threads than with one.

  /usr/bin/python3 tests/bench/compare_torch.py build/release/bin/engine_bench [--threads 2] [--rounds 5]

Needs Debian's python3-torch. Prints a table, and one JSON object with -o json.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time

import torch

BARS = {("train", 128): 1.5, ("infer", 1): 1.0, ("infer", 64): 1.0}
LENET_BARS = {("train", 128): 1.0, ("infer", 1): 1.0, ("infer", 64): 1.0, ("infer", 128): 1.0}


def network(name):
    if name == "SINGLE":
        return torch.nn.Sequential(torch.nn.Linear(784, 10))
    if name == "LENET":
        return torch.nn.Sequential(
            torch.nn.Unflatten(1, (1, 28, 28)),
            torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(6, 16, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
            torch.nn.Linear(400, 120), torch.nn.ReLU(), torch.nn.Linear(120, 84), torch.nn.ReLU(),
            torch.nn.Linear(84, 10))
    return torch.nn.Sequential(torch.nn.Linear(784, 1000), torch.nn.ReLU(), torch.nn.Linear(1000, 10))


def inputs(rows, density):
    x = torch.rand(rows, 784)
    return x * (torch.rand(rows, 784) < density)


def rate(step, batch, seconds):
    for _ in range(3):
        step()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(4):
            step()
        count += 4
    return count * batch / (time.perf_counter() - start)


def torch_train(net, batch, seconds, density):
    model = network(net)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = (torch.nn.CrossEntropyLoss if net == "LENET" else torch.nn.BCEWithLogitsLoss)(reduction="sum")
    x = inputs(batch, density)
    y = torch.arange(batch) % 10
    if net != "LENET":
        y = torch.nn.functional.one_hot(y, 10).float()

    def step():
        optimizer.zero_grad()
        (loss(model(x), y) / batch).backward()
        optimizer.step()

    return rate(step, batch, seconds)


def torch_infer(net, batch, seconds, density):
    model = network(net).eval()
    x = inputs(batch, density)
    with torch.inference_mode():
        return rate(lambda: model(x), batch, seconds)


def torpor(bench, what, net, threads, batch, seconds, density):
    command = [bench, what, net, str(threads), str(batch), str(seconds), str(density)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="path of engine_bench")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nets", default="MLP,SINGLE,LENET")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one measurement")
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table")
    options = parser.parse_args()
    torch.manual_seed(1)

    rows, gemm = [], ""
    if options.output == "table":
        print(f"torch {torch.__version__}, {options.threads} threads each, {options.rounds} rounds, samples/s (medians)")
        print(f"{'what':6} {'net':7} {'batch':>5} {'density':>7} {'torpor':>10} {'torch':>10} {'ratio':>6}  bar")
    for net in options.nets.split(","):
        for what, batch in [("train", 128), ("infer", 1), ("infer", 64), ("infer", 128 if net == "LENET" else 1024)]:
            for density in [1.0, 0.2]:
                ours, theirs = [], []
                for _ in range(options.rounds):
                    result = torpor(options.bench, what, net, options.threads, batch, options.seconds, density)
                    gemm = result["gemm"]
                    ours.append(result["samples_per_second"])
                    run = torch_train if what == "train" else torch_infer
                    rates = []
                    for threads in sorted({1, options.threads}):
                        torch.set_num_threads(threads)
                        rates.append(run(net, batch, options.seconds, density))
                    theirs.append(max(rates))
                ratio = statistics.median(a / b for a, b in zip(ours, theirs))
                bar = (LENET_BARS if net == "LENET" else BARS).get((what, batch))
                row = {"what": what, "net": net, "batch": batch, "density": density, "threads": options.threads,
                       "torpor": statistics.median(ours), "torch": statistics.median(theirs), "ratio": ratio,
                       "bar": bar}
                rows.append(row)
                if options.output == "table":
                    verdict = "" if bar is None else f">= {bar} {'met' if ratio >= bar else 'MISSED'}"
                    print(f"{what:6} {net:7} {batch:5} {density:7} {row['torpor']:10.0f} {row['torch']:10.0f} "
                          f"{ratio:6.2f}  {verdict}", flush=True)
    if options.output == "json":
        json.dump({"torch": torch.__version__, "gemm": gemm, "rounds": options.rounds, "rows": rows}, sys.stdout)
        print()


if __name__ == "__main__":
    main()
