#!/usr/bin/env python3
"""Writes the small PyTorch files that the weight readers are tested with.

    eng/make-torch-fixtures.py TARGET-FOLDER        (needs PyTorch; Debian: python3-torch)

The values follow formulas, so the tests need no second copy of them.
"""
import argparse
import collections
import pathlib
import sys

import numpy
import torch


def values(*shape: int, start: float = 0.0) -> torch.Tensor:
    """0, 1/8, 2/8, ...: exact in every floating-point type used here."""
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count, dtype=torch.float32) / 8 + start).reshape(shape)


def main(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)

    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = torch.nn.Linear(3, 2)

    big = values(4, 6)
    odd = collections.OrderedDict(
        transposed=big.t(), slice=big[1:3, 2:5], scalar=torch.tensor(2.5), empty=torch.zeros(0, 3),
        shared=big, half=values(3).half(), bfloat=values(3).bfloat16(), double=values(2).double(),
        long=torch.arange(3), int=torch.arange(3, dtype=torch.int32), short=torch.arange(3, dtype=torch.int16),
        char=torch.arange(-1, 2, dtype=torch.int8), byte=torch.arange(3, dtype=torch.uint8), bool=torch.tensor([True, False]),
        parameter=torch.nn.Parameter(values(2, 2)))
    checkpoint = {
        "epoch": 7, "best_acc": numpy.float64(0.5), "args": argparse.Namespace(lr=0.1, depth=28), "note": "Grüße",
        "optimizer": {"state": {0: {"momentum_buffer": values(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        "state_dict": {"module." + name: tensor for name, tensor in {"fc.weight": values(2, 3), "fc.bias": values(2, start=5.0)}.items()}}
    for suffix, zipped in (("", True), ("_legacy", False)):
        torch.save(odd, folder / f"odd{suffix}.pt", _use_new_zipfile_serialization=zipped)
        torch.save(checkpoint, folder / f"checkpoint{suffix}.pt", _use_new_zipfile_serialization=zipped)
    globals()["Small"] = Small
    Small.__qualname__ = "Small"
    torch.save(Small(), folder / "whole_model.pt")
    torch.jit.script(torch.nn.Linear(3, 2)).save(str(folder / "scripted.pt"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(pathlib.Path(sys.argv[1]))
