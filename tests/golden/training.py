#!/usr/bin/env python3
"""Writes the golden training runs beside this file: NAME/init.safetensors, NAME/batch.safetensors, NAME/losses.json.

Twenty training steps of each model of workloads.json, by PyTorch's own modules in float64 with dropout off: what
`gaze bench NAME --workloads workloads.json --init ... --batch ... --losses --dtype float64` must reproduce.
Needs: pip install torch==2.13.0 safetensors numpy
"""
import json
import math
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).parent
STEPS = 20


class Embedding(nn.Module):
    def __init__(self, vocabulary, length, width):
        super().__init__()
        self.tok = nn.Embedding(vocabulary, width)
        self.pos = nn.Embedding(length, width)
        nn.init.normal_(self.tok.weight, std=0.02)
        nn.init.normal_(self.pos.weight, std=0.02)

    def forward(self, ids):
        return self.tok(ids) * math.sqrt(self.tok.embedding_dim) + self.pos.weight[: ids.size(1)]


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.pair = c["kind"] == "seq2seq"
        pre = c["norm"] == "pre"
        shared = dict(d_model=c["d_model"], nhead=c["heads"], dim_feedforward=c["d_ff"], dropout=0.0,
                      activation=c["activation"], batch_first=True, norm_first=pre)
        if self.pair:
            self.src_embed = Embedding(c["vocab"], c["length"], c["d_model"])
        self.tgt_embed = Embedding(c["vocab"], c["length"], c["d_model"])
        if self.pair:
            self.body = nn.Transformer(num_encoder_layers=c["layers"], num_decoder_layers=c["layers"], **shared)
        else:
            final = nn.LayerNorm(c["d_model"]) if pre else None
            self.body = nn.TransformerEncoder(nn.TransformerEncoderLayer(**shared), c["layers"], norm=final,
                                              enable_nested_tensor=False)
        self.head = nn.Linear(c["d_model"], c["vocab"], bias=False)
        if c["tied"]:
            self.head.weight = self.tgt_embed.tok.weight

    def forward(self, source, target):
        causal = nn.Transformer.generate_square_subsequent_mask(target.size(1), dtype=torch.float64)
        x = self.tgt_embed(target)
        if self.pair:
            return self.head(self.body(self.src_embed(source), x, tgt_mask=causal, tgt_is_causal=True))
        return self.head(self.body(x, mask=causal, is_causal=True))


def train(name, c):
    torch.manual_seed(3)
    model = Model(c)
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    tied = {"head.weight": "tgt_embed.tok.weight"} if c["tied"] else {}
    weights = {k: v.clone() for k, v in model.state_dict().items() if k not in tied}
    save_file(weights, folder / "init.safetensors", metadata=tied or None)
    source, target, gold = (torch.randint(0, c["vocab"], (c["batch"], c["length"])) for _ in range(3))
    save_file({"src": source, "tgt": target, "gold": gold}, folder / "batch.safetensors")

    model.double()
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": c["weight_decay"]}, {"params": others, "weight_decay": 0.0}]
    kind = torch.optim.AdamW if c["optimizer"] == "adamw" else torch.optim.Adam
    optimizer = kind(groups, lr=c["lr"], betas=tuple(c["betas"]), eps=c["eps"])
    losses = []
    for _ in range(STEPS):
        logits = model(source, target)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), gold.flatten(), label_smoothing=c["label_smoothing"])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), c["clip"])
        optimizer.step()
        losses.append(loss.item())
    (folder / "losses.json").write_text(json.dumps(losses) + "\n")


if __name__ == "__main__":
    for workload, config in json.loads((HERE / "workloads.json").read_text()).items():
        train(workload, config)
