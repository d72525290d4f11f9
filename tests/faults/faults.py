#!/usr/bin/env python3
"""Breaks gaze's trainings in every way that a machine can, and sees what is left: ./run faults [N].

A trial is one process that is killed, told to end, or refused something by the system, at a moment that a seed decides.
A moment is the k-th of the program's calls to the system: between two of them nothing changes on the disk, so that any
kill has the same result as one at some call, and the trial can be repeated. What must hold after each:

- the exit status tells the truth: 0 only when all is there as an undisturbed run leaves it, byte for byte, but for
  speeds and thread counts; 1 with a line on standard error; 130 after a clean save; nothing ends by a signal but that of
  the trial, and nothing hangs;
- nothing that existed is lost or half-written: `gaze check` finds nothing wrong, and the training goes on to the very
  bits of the undisturbed one, and leaves no file besides.

N governs how much is tried: N kills for each kind of training, 5 N failing calls, some of each of the rest. With --all
every call of each kind is tried, every size of disk and every limit.
"""

import argparse
import concurrent.futures
import filecmp
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Calls that a kill is put at: of those that change a disk or look at one. Threads change the number of the others.
DISK = "read,write,open,close,stat,fsync,rename,unlink,mkdir,truncate,chmod,readlink,readdir,seek,flock"

ERRORS = {  # what the system may answer
    "read": ["EIO", "EINTR", "short"],
    "write": ["EIO", "ENOSPC", "EINTR", "short"],
    "open": ["EIO", "EACCES", "EMFILE", "ENOSPC", "EINTR"],
    "close": ["EIO", "EINTR"],
    "stat": ["EIO", "EACCES"],
    "fsync": ["EIO", "ENOSPC", "EINTR"],
    "rename": ["EIO", "ENOSPC", "EACCES"],
    "unlink": ["EIO", "EACCES"],
    "mkdir": ["EIO", "EACCES", "ENOSPC"],
    "truncate": ["EIO", "EINTR"],
    "chmod": ["EIO", "EPERM"],
    "readlink": ["EIO", "EACCES"],
    "readdir": ["EIO"],
    "seek": ["EIO"],
    "flock": ["EIO", "EINTR", "ENOLCK"],
    "fcntl": ["EMFILE"],
    "dup": ["EBUSY"],
    "mmap": ["ENOMEM"],
}
NUMBERS = {name: getattr(__import__("errno"), name) for names in ERRORS.values() for name in names if name != "short"}

# Those that end a process unless it does something about them, and one that a terminal sends.
SIGNALS = ("SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM "
           "SIGSTKFLT SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGIO SIGPWR SIGWINCH").split()

LIMIT_SECONDS = 120  # of one process: what takes longer hangs


class Untrue(Exception):
    """The exit status, or how the process ended, does not tell what happened."""


class Lost(Exception):
    """Something that existed, or could be made again, is not there as it was."""


class Skipped(Exception):
    """This machine cannot do it."""


def settings(*more):
    return [word for setting in more for word in ("--set", setting)]


RECURRENT = settings("d_model=16", "batch=8", "dropout=0.1")
SMALL = RECURRENT + settings("d_ff=32")
TINY = settings("log_every=2", "validate_every=3", "checkpoint_every=5", "probes=2")
SHORT = settings("log_every=2", "validate_every=2", "checkpoint_every=3", "probes=1")
PAIRS = ["pairs", "--src", "../data/source", "--tgt", "../data/target", "--valid-src", "../data/valid-source",
         "--valid-tgt", "../data/valid-target", "--test-src", "../data/valid-source", "--test-tgt",
         "../data/valid-target"] + SMALL + settings("layers=1", "heads=2", "units=subwords", "vocab=60", "beam=2")
TOY = ["reverse"] + SMALL + settings("validation=16", "vocab=9", "length=6")
TRAININGS = {  # a second or less each
    "toy": TOY + ["--steps", "24"] + TINY,
    "pairs": PAIRS + ["--steps", "16"] + TINY + settings("average=3", "lr=0.02", "warmup=1"),
    "language": ["chars", "--text", "../data/text", "--steps", "25"] + SMALL + settings(
        "lr=0.03", "warmup=1", "layers=1", "heads=1", "length=16", "log_every=2", "validate_every=3", "checkpoint_every=5", "average=2"),
    "recurrent": ["grammar", "--steps", "16"] + RECURRENT + TINY + settings(
        "model=rnn", "cell=lstm", "validation=16", "patience=9"),
}
SHORT_TRAININGS = {
    "toy": TOY + ["--steps", "6"] + SHORT,
    "pairs": PAIRS + ["--steps", "7"] + SHORT + settings("average=2", "lr=0.1", "warmup=1"),
}
# What the pairs' trainings are made to leave, by rates that are too high: a mean that is kept, a last state that is the
# best.
ALL_KINDS = ["averaged.safetensors", "best.safetensors", "snapshots/best.safetensors", "test.hyp"]


def write_data(folder):
    """Texts of a few words, always the same."""
    rng = random.Random(1)
    folder.mkdir()
    words = {"der": "the", "ein": "a", "hund": "dog", "katze": "cat", "haus": "house", "sieht": "sees", "sucht": "seeks",
             "grün": "green", "alt": "old", "müde": "tired", "heute": "today", "nie": "never"}
    for name, count in (("", 60), ("valid-", 12)):
        lines = [[rng.choice(list(words)) for _ in range(rng.randint(2, 6))] for _ in range(count)]
        (folder / f"{name}source").write_text("".join(" ".join(line) + "\n" for line in lines))
        (folder / f"{name}target").write_text("".join(" ".join(words[w] for w in line) + "\n" for line in lines))
    text = "".join(" ".join(rng.choice(list(words)) for _ in range(6)) + "\n" for _ in range(60))
    (folder / "text").write_text(text)


def content(path):
    """The bytes of a file but for what depends on the clock and on the number of threads."""
    data = path.read_bytes()
    if path.name == "metrics.jsonl":
        data = re.sub(rb'"tokens_per_s":[^,}]*', b"", data)
    if path.name == "config.json":
        data = re.sub(rb'"threads":[^,\n]*', b"", data)
    return data


def files_of(folder):
    return {str(p.relative_to(folder)): p for p in folder.rglob("*") if not p.is_dir()}


def differences(expected, found):
    """What is not the same in two folders, or nothing."""
    want, have = files_of(expected), files_of(found)
    said = [f"{name} is missing" for name in want.keys() - have.keys()]
    said += [f"{name} should not be there" for name in have.keys() - want.keys()]
    said += [f"{name} has other bytes" for name in want.keys() & have.keys() if content(want[name]) != content(have[name])]
    return "; ".join(sorted(said)[:6])


class Result:
    def __init__(self, status, out, err, calls):
        self.status, self.out, self.err, self.calls = status, out, err, calls

    def __str__(self):
        how = f"status {self.status}" if self.status >= 0 else f"ended by {signal.Signals(-self.status).name}"
        return f"{how}, {self.err.strip()[-300:]!r}"


class Machine:
    """Where the trials run: the program, the library that has calls fail, a folder."""

    def __init__(self, gaze, library, folder, seed):
        self.gaze, self.library, self.folder, self.seed = gaze, library, folder, seed
        write_data(folder / "data")
        self.references = {}

    def run(self, where, args, faults=None, log=None, prepare=None, threads=1, stdin=subprocess.DEVNULL, stdout=None):
        """One process of the program, in the folder `where`. `faults`: (kinds, k, what happens)."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GAZE_")}
        environment.update(LC_ALL="C.UTF-8", OMP_NUM_THREADS="1")
        if faults or log:
            environment["LD_PRELOAD"] = str(self.library)
            kinds, k, deed = faults or ("", 0, "")
            if kinds:
                environment["GAZE_FAULTS_KINDS"] = kinds
            if k:
                environment.update(GAZE_FAULTS_AT=str(k), GAZE_FAULTS_DO=deed)
            if log:
                environment["GAZE_FAULTS_LOG"] = str(log)
        args = [str(a) for a in args]
        if args[0] == "train":
            args += ["--threads", str(threads)]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen([self.gaze, *args], cwd=where, env=environment, preexec_fn=prepare, stdin=stdin,
                                       stdout=out if stdout is None else stdout, stderr=err)
            try:
                status = process.wait(LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Untrue(f"it hangs: {' '.join(args)}") from None
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode(errors="replace"))
        if status == 125:
            raise Skipped(texts[1].strip())
        lines = []
        if log:
            lines = log.read_text(errors="replace").splitlines()
            log.unlink()
        return Result(status, *texts, lines)

    def train_args(self, training):
        return ["train", *training, "--run", "run"]

    def reference(self, key, training, start=None, more=()):
        """An undisturbed run from a beginning, with the calls that it makes."""
        if key not in self.references:
            where = self.folder / f"reference-{key}"
            where.mkdir()
            if start:
                shutil.copytree(start / "run", where / "run")
            args = ["train", "--resume", "run", *more] if start else self.train_args(training)
            result = self.run(where, args, faults=(DISK, 0, ""), log=where / "log")
            if result.status != 0:
                raise SystemExit(f"faults: an undisturbed run fails: {result}")
            self.references[key] = (where / "run", result.calls)
            if key == "short-pairs":
                for name in ALL_KINDS:
                    if not (where / "run" / name).exists():
                        say(f"on this processor no short training leaves {name}: nothing is tried on it")
        return self.references[key]

    def check(self, where, final=False):
        """What `gaze check` says of a run; nothing may be wrong, and in the end nothing unfinished."""
        before = {name: path.stat().st_mtime_ns for name, path in files_of(where / "run").items()}
        result = self.run(where, ["check", "run", "--json"])
        found = json.loads(result.out) if result.out else {}
        if not found or found["whole"] != (result.status == 0) or result.status not in (0, 1):
            raise Untrue(f"gaze check: {result}")
        bad = [f["file"] + ": " + f["wrong"] for f in found["files"]
               if f["state"] == "wrong" or (final and f["state"] != "whole")]
        if bad:
            raise Lost("gaze check: " + "; ".join(bad)[:600])
        if before != {name: path.stat().st_mtime_ns for name, path in files_of(where / "run").items()}:
            raise Lost("gaze check changed the folder")

    def go_on(self, where, training, threads=1, more=(), **how):
        """Takes a training up again, or begins it where it had not begun."""
        begun = (where / "run" / "config.json").exists()
        args = ["train", "--resume", "run", *more] if begun else self.train_args(training)
        return self.run(where, args, threads=threads, **how)

    def settle(self, where, training, expected, threads=1, more=()):
        """After whatever happened: the run is whole as far as it got, and goes on to the same bits."""
        if (where / "run" / "config.json").exists():
            self.check(where)
        result = self.go_on(where, training, threads, more)
        if result.status != 0:
            raise Lost(f"the training cannot go on: {result}")
        self.check(where, final=True)
        if wrong := differences(expected, where / "run"):
            raise Lost(f"in the end: {wrong}")

    def judge(self, result, where, expected, ends_by=()):
        """Whether the way in which a training ended is true."""
        if result.status == 0:
            if wrong := differences(expected, where / "run"):
                raise Untrue(f"exit status 0, but: {wrong}")
        elif result.status == 130 and "130" in ends_by:
            if not (where / "run" / "checkpoint.safetensors").exists():
                raise Untrue("exit status 130, and there is no checkpoint")
        elif result.status == 1:
            if not any(line.startswith("gaze: ") for line in result.err.splitlines()) and "silent" not in ends_by:
                raise Untrue(f"no word of what failed: {result}")
        elif -result.status not in ends_by:
            raise Untrue(f"how it ended: {result}")


class Campaign:
    """Some trials of one kind: `plan` gives (name, function) of each, or a Skipped."""

    def __init__(self, name, plan, weights=None):
        self.name, self.plan = name, plan
        self.tried = self.untrue = self.lost = 0
        self.weight = weights or (lambda _: 1)
        self.skipped = ""


# Kills ---------------------------------------------------------------------------------------------------------------


def kill_plan(machine, kind, count, every):
    training = TRAININGS[kind]
    expected, calls = machine.reference(kind, training)

    def trial(name, kills, rng):
        def run(where):
            done = 0  # calls of the run so far, about
            for _ in range(kills):
                k = rng.randint(1, max(20, len(calls) - done))
                done += k
                faults = (DISK, k, rng.choice(["kill", "torn"]))
                result = machine.go_on(where, training, rng.choice([1, 2, 3]), faults=faults)
                if result.status not in (0, -signal.SIGKILL):
                    raise Untrue(f"before it was killed: {result}")
                if (where / "run" / "config.json").exists():
                    machine.check(where)
                if result.status == 0:
                    break
            machine.settle(where, training, expected, rng.choice([1, 2, 3]))
        return name, run, kills

    if every:  # each call once, and then torn
        for k in range(1, len(calls) + 1):
            for deed in ("kill", "torn"):
                def run(where, k=k, deed=deed):
                    result = machine.go_on(where, training, 1, faults=(DISK, k, deed))
                    if result.status != -signal.SIGKILL:
                        raise Untrue(f"before it was killed: {result}")
                    machine.settle(where, training, expected, 2 + k % 2)
                yield f"kills-{kind}:{deed}-{k}", run, 1
        return
    trial_number = 0
    while count > 0:
        rng = random.Random(f"{machine.seed} kills {kind} {trial_number}")
        kills = min(count, rng.randint(1, 3))
        yield trial(f"kills-{kind}:{trial_number}", kills, rng)
        count -= kills
        trial_number += 1


# Failing calls -------------------------------------------------------------------------------------------------------


def errors_of(call, k):
    """What a call may be answered. Writes are many, and no space is to them what an I/O error is: they take turns."""
    errors = ERRORS[call.split()[0]]
    return [e for e in errors if not call.startswith("write") or e != ("EIO", "ENOSPC")[k % 2]]


def deed_of(error):
    return "short" if error == "short" else f"error {NUMBERS[error]}"


def sampled(machine, name, candidates, count, every):
    """Some of (group, trial), from as many groups as there can be."""
    if every:
        return [trial for _, trial in candidates]
    rng = random.Random(f"{machine.seed} {name}")
    groups = {}
    for group, trial in candidates:
        groups.setdefault(group, []).append(trial)
    chosen, order = [], sorted(groups)
    rng.shuffle(order)
    while len(chosen) < count and order:
        for group in list(order):
            if len(chosen) == count:
                break
            chosen.append(groups[group].pop(rng.randrange(len(groups[group]))))
            if not groups[group]:
                order.remove(group)
    return chosen


def starts(machine):
    """Runs to go on with: one that has fewer steps behind it than are wanted, and one that was killed."""
    if "starts" in machine.references:
        return machine.references["starts"]
    found = {}
    for kind, training in SHORT_TRAININGS.items():
        where = machine.folder / f"start-{kind}"
        where.mkdir()
        if kind == "toy":
            steps = training.index("--steps")
            shorter = training[:steps + 1] + ["3"] + training[steps + 2:]
            result = machine.run(where, machine.train_args(shorter))
            found[kind] = (where, ["--steps", "6"])
        else:
            _, calls = machine.reference(f"short-{kind}", training)
            # Behind the checkpoint of step 3 and the validation of step 4.
            last = max(i for i, call in enumerate(calls) if call.startswith("rename") and "000000004" in call)
            result = machine.run(where, machine.train_args(training), faults=(DISK, last + 2, "kill"))
            found[kind] = (where, [])
        if result.status not in (0, -signal.SIGKILL):
            raise SystemExit(f"faults: a run to go on with cannot be made: {result}")
    machine.references["starts"] = found
    return found


def short_commands(machine):
    """A short training of each kind and a resume: (command, what it trains, the run it begins with, its options, an
    undisturbed run)."""
    for kind, training in SHORT_TRAININGS.items():
        start, more = starts(machine)[kind]
        for command, key, begin, options in ((f"train-{kind}", f"short-{kind}", None, []),
                                             (f"resume-{kind}", f"resumed-{kind}", start, more)):
            yield command, training, begin, options, machine.reference(key, training, begin, options)[0]


def training_candidates(machine):
    """(command, trial) of each call of a training and of a resume, failing."""
    candidates = []
    for command, training, begin, options, expected in short_commands(machine):
        calls = machine.run(prepared(machine, f"log-{command}", begin),
                            ["train", "--resume", "run", *options] if begin else machine.train_args(training),
                            log=machine.folder / f"log-{command}" / "log").calls
        for k, call in enumerate(calls, 1):
            for error in errors_of(call, k):
                def run(where, begin=begin, k=k, error=error, training=training, options=options, expected=expected):
                    if begin:
                        shutil.copytree(begin / "run", where / "run")
                    result = machine.go_on(where, training, more=options, faults=("", k, deed_of(error)))
                    machine.judge(result, where, expected)
                    machine.settle(where, training, expected, more=options)
                group = (command, call.split()[0], error)
                candidates.append((group, (f"calls:{command}-{k}-{error}", run, 1, call)))
    return candidates


def prepared(machine, name, begin):
    where = machine.folder / name
    where.mkdir()
    if begin:
        shutil.copytree(begin / "run", where / "run")
    return where


READERS = {  # commands that leave a run as it is: arguments, and the file that they write
    "report": (["report", "run"], "run/report.html"),
    "export": (["export", "run", "weights.safetensors"], "weights.safetensors"),
    "align": (["align", "run", "--src", "../data/valid-source", "--tgt", "../data/valid-target"], ""),
    "inspect": (["inspect", "run", "der hund sieht", "--json"], ""),
    "translate": (["translate", "run"], ""),
    "check": (["check", "run", "--json"], ""),
}


def reading_candidates(machine):
    expected, _ = machine.reference("short-pairs", SHORT_TRAININGS["pairs"])
    candidates = []
    for command, (args, output) in READERS.items():
        where = prepared(machine, f"log-{command}", expected.parent)

        def source(command=command):
            return (machine.folder / "data" / "valid-source").open("rb") if command == "translate" else subprocess.DEVNULL
        undisturbed = machine.run(where, args, log=where / "log", stdin=source())
        if undisturbed.status != 0:
            raise SystemExit(f"faults: {command} fails undisturbed: {undisturbed}")
        written = (where / output).read_bytes() if output else b""
        for k, call in enumerate(undisturbed.calls, 1):
            for error in errors_of(call, k):
                def run(at, args=args, output=output, k=k, error=error, out=undisturbed.out, written=written,
                        source=source):
                    shutil.copytree(expected, at / "run")
                    if output:
                        (at / output).write_bytes(b"as it was")
                    result = machine.run(at, args, faults=("", k, deed_of(error)), stdin=source())
                    there = (at / output).read_bytes() if output and (at / output).exists() else b""
                    if result.status == 0:
                        if result.out != out or there != written:
                            raise Untrue("exit status 0, but its output is another")
                    elif result.status != 1 or not any(l.startswith("gaze: ") for l in result.err.splitlines()):
                        raise Untrue(f"how it ended: {result}")
                    if output and there not in (b"as it was", written):
                        raise Lost(f"{output} is neither the old nor the new one")
                    if output == "run/report.html":
                        (at / output).unlink()
                    if wrong := differences(expected, at / "run"):
                        raise Lost(f"the run is another: {wrong}")
                    if parts := list(at.glob("*.part")):
                        raise Lost(f"{parts[0].name} stays")
                candidates.append(((command, call.split()[0], error), (f"calls:{command}-{k}-{error}", run, 1, call)))
    return candidates


def call_plan(machine, count, every):
    candidates = training_candidates(machine) + reading_candidates(machine)
    yield from sampled(machine, "calls", candidates, count, every)


# What a machine has too little of ------------------------------------------------------------------------------------


def limited(machine, name, values, prepare, count, every, ends_by=()):
    """Trainings and resumes under a limit of the process."""
    candidates = []
    for command, training, begin, options, expected in short_commands(machine):
        for value in values:
            for threads in (1, 2):
                def run(where, begin=begin, value=value, training=training, options=options, expected=expected,
                        threads=threads):
                    if begin:
                        shutil.copytree(begin / "run", where / "run")
                    result = machine.go_on(where, training, threads, options, prepare=lambda: prepare(value))
                    machine.judge(result, where, expected, ends_by)
                    machine.settle(where, training, expected, more=options)
                candidates.append((command, (f"{name}:{command}-{value}-{threads}", run, 1)))
    yield from sampled(machine, name, candidates, count, every)


def descriptor_plan(machine, count, every):
    def prepare(number):
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))
    # With three the loader cannot open a library, which is not the program's to say.
    least = next(n for n in range(3, 40) if works_under(machine, lambda: prepare(n)))
    yield from limited(machine, "descriptors", range(least, least + 16), prepare, count, every)


def works_under(machine, prepare):
    """Whether the system begins the program at all."""
    return machine.run(machine.folder, ["--version"], prepare=prepare).status == 0


def memory_plan(machine, count, every):
    def prepare(megabytes):
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    least = next(n for n in range(16, 4096, 4) if works_under(machine, lambda: prepare(n)))
    expected, _ = machine.reference("short-pairs", SHORT_TRAININGS["pairs"])
    enough = least
    while enough < 4096:
        where = prepared(machine, f"memory-{enough}", None)
        if machine.run(where, machine.train_args(SHORT_TRAININGS["pairs"]), prepare=lambda: prepare(enough)).status == 0:
            break
        enough += 16
    values = sorted(set(range(least, enough + 1, 2)))
    yield from limited(machine, "memory", values, prepare, count, every)


def stream_plan(machine, count, every):
    closed = [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]

    def prepare(streams):
        for stream in streams:
            os.close(stream)
    # With standard error closed nobody can be told; the status says it alone.
    yield from limited(machine, "streams", closed, prepare, count, every, ("silent",))


def file_size_plan(machine, count, every):
    def prepare(size):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    sizes = [0, 1, 100, 500, 1000, 2000, 4000, 8000, 12000, 16000, 24000, 32000, 48000, 64000, 96000, 128000, 192000]
    yield from limited(machine, "file-sizes", sizes, prepare, count, every, (signal.SIGXFSZ,))


def disk_plan(machine, count, every):
    if os.geteuid() != 0 or not can_mount(machine):
        raise Skipped("needs root to mount a small disk")
    candidates = []
    for command, training, begin, options, expected in short_commands(machine):
        pages = sum((path.stat().st_size + 4095) // 4096 for path in files_of(expected).values())
        files = len(files_of(expected))
        used = sum((p.stat().st_size + 4095) // 4096 for p in files_of(begin / "run").values()) if begin else 0
        number = len(files_of(begin / "run")) + 4 if begin else 3
        limits = [f"size={4 * n}k" for n in range(used + 1, 2 * pages)]
        limits += [f"nr_inodes={n}" for n in range(number, number + files + 4)]
        for limit in limits:
            def run(where, begin=begin, limit=limit, training=training, options=options, expected=expected):
                mount(["-t", "tmpfs", "-o", limit if not begin else "size=64m", "none", where])
                try:
                    if begin:
                        shutil.copytree(begin / "run", where / "run")
                        mount(["-o", "remount," + limit, where])
                    result = machine.go_on(where, training, more=options)
                    machine.judge(result, where, expected)
                    mount(["-o", "remount,size=64m,nr_inodes=10000", where])
                    machine.settle(where, training, expected, more=options)
                finally:
                    subprocess.run(["umount", where], check=True)
            candidates.append(((command, limit[:4]), (f"disks:{command}-{limit}", run, 1)))
    yield from sampled(machine, "disks", candidates, count, every)


def mount(args):
    subprocess.run(["mount", *map(str, args)], check=True, stderr=subprocess.PIPE)


def can_mount(machine):
    folder = machine.folder / "mount"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        return False
    subprocess.run(["umount", folder], check=True)
    return True


# Signals -------------------------------------------------------------------------------------------------------------


def signal_plan(machine, count, every):
    candidates = []
    for kind, training in SHORT_TRAININGS.items():
        expected, calls = machine.reference(f"short-{kind}", training)
        rng = random.Random(f"{machine.seed} signals {kind}")
        for name in SIGNALS:
            number = getattr(signal, name)
            for k in sorted(rng.sample(range(1, len(calls) + 1), min(12, len(calls)))):
                def run(where, number=number, k=k, training=training, expected=expected):
                    result = machine.go_on(where, training, faults=(DISK, k, f"signal {int(number)}"))
                    machine.judge(result, where, expected, (number, "130"))
                    machine.settle(where, training, expected, 2)
                candidates.append(((name, kind), (f"signals:{kind}-{name}-{k}", run, 1)))
    yield from sampled(machine, "signals", candidates, count, every)


# -----------------------------------------------------------------------------------------------------------------------


def campaigns(machine, n, every):
    some = max(2, n // 2)
    for kind in TRAININGS:
        yield f"kills: {kind}", lambda kind=kind: kill_plan(machine, kind, n, False)
    if every:
        for kind in TRAININGS:
            yield f"kills: {kind}, every call", lambda kind=kind: kill_plan(machine, kind, n, True)
    yield "failing calls", lambda: call_plan(machine, 5 * n, every)
    yield "small disks", lambda: disk_plan(machine, some, every)
    yield "file sizes", lambda: file_size_plan(machine, some, every)
    yield "few descriptors", lambda: descriptor_plan(machine, some, every)
    yield "little memory", lambda: memory_plan(machine, some, every)
    yield "closed streams", lambda: stream_plan(machine, some, every)
    yield "signals", lambda: signal_plan(machine, n, every)


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./run faults", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help=argparse.SUPPRESS)
    parser.add_argument("library", help=argparse.SUPPRESS)
    parser.add_argument("n", nargs="?", type=int, default=50, metavar="N", help="how much is tried (default: 50)")
    parser.add_argument("--all", action="store_true", help="every call, every size, every limit")
    parser.add_argument("--seed", type=int, default=None, help="of what is chosen (default: another one each time)")
    parser.add_argument("--only", default="", metavar="TRIAL", help="trials whose names begin so, as they are printed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trials at once (default: one a processor)")
    a = parser.parse_args()
    if a.n < 1:
        parser.error("N must be at least 1")
    seed = a.seed if a.seed is not None else random.SystemRandom().randrange(1_000_000)
    folder = Path(tempfile.mkdtemp(prefix="gaze-faults-"))
    say(f"seed {seed}, in {folder}")
    machine = Machine(a.program, a.library, folder, seed)
    rows, failures = [], []
    for title, plan in campaigns(machine, a.n, a.all):
        row = {"title": title, "tried": 0, "untrue": 0, "lost": 0, "skipped": ""}
        began = time.monotonic()
        try:
            trials = [t for t in plan() if t[0].startswith(a.only)]
        except Skipped as reason:
            row["skipped"] = str(reason)
            trials = []
        run_trials(machine, trials, row, failures, a)
        rows.append(row)
        say(f"{title}: {row['skipped'] and 'skipped: ' + row['skipped'] or str(row['tried'])}, "
            f"{time.monotonic() - began:.0f} s")
    print_table(rows)
    for name, why in failures:
        print(f"{name}: {why}\n    ./run faults {a.n}{' --all' * a.all} --seed {seed} --only {name}")
    if failures:
        print(f"What these trials left is in {folder}")
        return 1
    shutil.rmtree(folder)
    if sum(row["tried"] for row in rows) == 0:
        print("no trial has that name" if a.only else "nothing was tried")
        return 1
    return 0


def run_trials(machine, trials, row, failures, a):
    def one(trial):
        name, run = trial[:2]
        where = machine.folder / re.sub(r"[^a-zA-Z0-9]+", "-", name)
        where.mkdir()
        try:
            run(where)
        except Skipped as reason:
            return name, trial, "skipped", str(reason)
        except Untrue as why:
            return name, trial, "untrue", str(why)
        except Lost as why:
            return name, trial, "lost", str(why)
        shutil.rmtree(where)
        return name, trial, "", ""

    with concurrent.futures.ThreadPoolExecutor(max(1, a.jobs)) as pool:
        for name, trial, wrong, why in pool.map(one, trials):
            if wrong == "skipped":
                row["skipped"] = why
                continue
            row["tried"] += trial[2]
            if wrong:
                row[wrong] += 1
                failures.append((name, f"({trial[3]}) {why}" if len(trial) > 3 else why))
                say(f"  {name}: {failures[-1][1]}")


def print_table(rows):
    print(f"{'campaign':28} {'tried':>7} {'survived':>9} {'nothing lost':>13}")
    for row in rows:
        if not row["skipped"] and not row["tried"]:
            continue  # not asked for
        if row["skipped"] and not row["tried"]:
            print(f"{row['title']:28} skipped: {row['skipped']}")
            continue
        tried = row["tried"]
        print(f"{row['title']:28} {tried:7} {tried - row['untrue']:9} {tried - row['lost']:13}")
    total = sum(row["tried"] for row in rows)
    print(f"{'all':28} {total:7} {total - sum(r['untrue'] for r in rows):9} {total - sum(r['lost'] for r in rows):13}")


if __name__ == "__main__":
    sys.exit(main())
