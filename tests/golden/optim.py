#!/usr/bin/env python3
"""Writes optim.json beside this file: parameters after ten steps of PyTorch's optimizers in float64.

Value i of a parameter starts at cos(i + 1) / 2; its gradient at step t, from 1, is sin(t + 0.7 i + c), where c is 0 for
the matrix and 1 for the vector. Needs: pip install torch==2.13.0
"""
import json
import pathlib

import torch

SHAPES = {"matrix": (3, 7), "vector": (5,)}
STEPS = 10

ADAM = dict(lr=0.05, betas=(0.9, 0.98), eps=1e-6)
CASES = {
    "adam": (torch.optim.Adam, ADAM, 0),
    "adam with weight decay": (torch.optim.Adam, ADAM, 0.1),
    "adamw": (torch.optim.AdamW, ADAM, 0.1),
    "sgd": (torch.optim.SGD, dict(lr=0.05), 0),
    "sgd with momentum": (torch.optim.SGD, dict(lr=0.05, momentum=0.9), 0.1),
    "sgd with Nesterov": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, nesterov=True), 0.1),
}


def run(optimizer, options, weight_decay):
    params = {}
    for name, shape in SHAPES.items():
        index = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
        params[name] = torch.nn.Parameter((torch.cos(index + 1) / 2).reshape(shape))
    # Only what has more than one axis decays.
    stepper = optimizer([{"params": [params["matrix"]], "weight_decay": weight_decay},
                         {"params": [params["vector"]], "weight_decay": 0.0}], **options)
    for t in range(1, STEPS + 1):
        for c, p in enumerate(params.values()):
            index = torch.arange(p.numel(), dtype=torch.float64)
            p.grad = torch.sin(t + 0.7 * index + c).reshape(p.shape)
        stepper.step()
    return {name: p.detach().flatten().tolist() for name, p in params.items()}


cases = {name: run(*case) for name, case in CASES.items()}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(cases, indent=1) + "\n")
