#!/usr/bin/env python3
"""Writes export-post.safetensors and export-pre.safetensors beside this file: what PyTorch makes of gaze's weights.

    export.py GAZE

Trains two small translators with the program, exports them, fills torch.nn.Transformer with them by
load_state_dict(strict=True), and stores weights ("weights.*"), ids ("src", "lengths", "tgt") and PyTorch's logits.
Needs: pip install torch==2.13.0 safetensors numpy
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

HERE = pathlib.Path(__file__).parent
WORDS = ["red", "green", "blue", "small", "large", "house", "tree", "dog"]


def train(gaze, folder, norm, tied):
    torch.manual_seed(5)
    draw = lambda n: [WORDS[i] for i in torch.randint(0, len(WORDS), (n,))]
    sentences = [draw(int(torch.randint(1, 7, (1,)))) for _ in range(200)]
    (folder / "src").write_text("".join(" ".join(s) + "\n" for s in sentences))
    (folder / "tgt").write_text("".join(" ".join(reversed(s)).upper() + "\n" for s in sentences))
    options = dict(norm=norm, tied=str(tied).lower(), d_model=8, heads=2, d_ff=16, layers=2, length=9, batch=16, probes=0)
    settings = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
    subprocess.run([gaze, "train", "pairs", "--src", folder / "src", "--tgt", folder / "tgt", "--run", folder / "run",
                    "--steps", "20", *settings], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([gaze, "export", folder / "run", folder / "all.safetensors"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([gaze, "export", folder / "run", folder / "body.safetensors", "--strip", "body."], check=True,
                   stdout=subprocess.DEVNULL)


def logits_of(weights, body, norm, tied, src, lengths, tgt):
    width = weights["tgt_embed.tok.weight"].size(1)
    transformer = nn.Transformer(width, 2, 2, 2, 16, 0.0, batch_first=True, norm_first=norm == "pre").eval()
    transformer.load_state_dict(body, strict=True)
    embed = lambda side, ids: (weights[f"{side}_embed.tok.weight"][ids] * math.sqrt(width)
                               + weights[f"{side}_embed.pos.weight"][: ids.size(1)])
    padding = torch.arange(src.size(1))[None] >= lengths[:, None]
    causal = nn.Transformer.generate_square_subsequent_mask(tgt.size(1))
    y = transformer(embed("src", src), embed("tgt", tgt), tgt_mask=causal, src_key_padding_mask=padding,
                    memory_key_padding_mask=padding)
    return y @ weights["tgt_embed.tok.weight" if tied else "head.weight"].T


def main(gaze):
    for norm, tied in (("post", False), ("pre", True)):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            train(gaze, folder, norm, tied)
            weights, body = load_file(folder / "all.safetensors"), load_file(folder / "body.safetensors")
            with safe_open(folder / "all.safetensors", "pt") as file:
                assert (file.metadata() or {}) == ({"head.weight": "tgt_embed.tok.weight"} if tied else {})
            with safe_open(folder / "run/checkpoint.safetensors", "pt") as file:  # the whole state opens, too
                assert json.loads(file.metadata()["progress"])["step"] == 20
        src, tgt = torch.randint(4, 12, (3, 5)), torch.randint(4, 12, (3, 4))
        lengths = torch.tensor([5, 2, 4])
        with torch.no_grad():
            logits = logits_of(weights, body, norm, tied, src, lengths, tgt)
        stored = {f"weights.{key}": value for key, value in weights.items()}
        save_file({**stored, "src": src, "lengths": lengths, "tgt": tgt, "logits": logits.contiguous()},
                  HERE / f"export-{norm}.safetensors")


if __name__ == "__main__":
    main(str(pathlib.Path(sys.argv[1]).resolve()))
