#!/usr/bin/python3
"""The report page in a real browser: report.py GAZE [ReportPage.test_NAME ...], GAZE being the path of the program.

Ends with 77 where Chromium, its driver or Selenium is missing.
"""

import csv
import decimal
import io
import itertools
import json
import math
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.dom.minidom
from pathlib import Path


def skip(package):
    print(f"skipped: {package} is not installed")
    sys.exit(77)


chromium = shutil.which("chromium") or shutil.which("/usr/lib/chromium/chromium") or skip("chromium")
chromedriver = shutil.which("chromedriver") or shutil.which("/usr/lib/chromium/chromedriver") or skip("chromedriver")
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select
except ImportError:
    skip("python3-selenium")

patience = 30  # seconds for what takes a fraction of one, where nothing else runs
gaze = folder = run = browser = None
started = []  # programs that go on running


def run_gaze(*arguments):
    done = subprocess.run([gaze, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=2 * patience)
    if done.returncode:
        raise AssertionError(f"gaze {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def start_gaze(output, *arguments):
    with open(output, "w") as out:
        started.append(subprocess.Popen([gaze, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out, stderr=out))


def wait(what, look):
    """What `look` returns, once that is something."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {patience} s: {what}; seen at last: {found!r}")


def read_npy(file):
    """Shape and values of an array of float32."""
    data = file.read_bytes()
    (size,) = struct.unpack_from("<H", data, 8)
    header = data[10:10 + size].decode()
    assert "'<f4'" in header and "'fortran_order': False" in header, header
    shape = [int(n) for n in re.search(r"\(([\d, ]+)\)", header)[1].split(",") if n.strip()]
    return shape, struct.unpack_from(f"<{(len(data) - 10 - size) // 4}f", data, 10 + size)


def percent(value):
    """As JavaScript's toFixed, which rounds halves up."""
    if value is None:
        return "–"
    return f"{decimal.Decimal(100 * value).quantize(decimal.Decimal('0.01'), decimal.ROUND_HALF_UP)} %"


class Run:
    """A short training, and the sentences it recorded as files for `gaze align` and `gaze score`."""

    def __init__(self, path):
        self.path = path
        run_gaze("train", "sort", "--run", path, "--steps", 250, "--threads", 1, "--set", "layers=2",
                 "--set", "heads=2", "--set", "d_model=32", "--set", "d_ff=64", "--set", "probes=12")
        run_gaze("report", path)
        self.index = json.loads((path / "attention" / "index.json").read_text())
        self.probes = self.index["probes"]
        self.steps = [one["step"] for one in self.index["steps"]]
        self.source, self.target, self.gold, self.links = (folder / name for name in ("src", "tgt", "gold", "links"))
        self.source.write_text("".join(" ".join(probe["source"]) + "\n" for probe in self.probes))
        self.target.write_text("".join(" ".join(probe["target"]) + "\n" for probe in self.probes))
        self.gold.write_text("".join(" ".join(f"{i}{'-' if sure else 'p'}{j}" for i, j, sure in probe["gold"]) + "\n"
                                     for probe in self.probes))

    def align(self, layer, head, shift, null):
        return run_gaze("align", self.path, "--src", self.source, "--tgt", self.target, "--layer", layer,
                        "--head", head, "--shift", shift, "--null", null, "--threads", 1)

    def score(self, *choice):
        self.links.write_text(self.align(*choice))
        return json.loads(run_gaze("score", "align", "--gold", self.gold, "--pred", self.links,
                                   "--json").splitlines()[-1])

    def recorded(self, kind, layer, head, probe, step, rows, columns):
        """The weights in the record itself, row by row."""
        (module,) = [one for one in self.index["modules"] if (one["kind"], one["layer"]) == (kind, layer)]
        (_, heads, height, width), values = read_npy(self.path / "attention" / f"{module['name']}.{step:07}.npy")

        def weight(of, t, s):
            return values[((probe * heads + of) * height + t) * width + s]

        among = range(heads) if head == "mean" else [head]
        return [sum(weight(of, t, s) for of in among) / len(among) for t in range(rows) for s in range(columns)]


def open_browser():
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                 "--window-size=1200,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(folder / "downloads"),
                                              "profile.default_content_setting_values.automatic_downloads": 1})
    driver = webdriver.Chrome(service=Service(chromedriver), options=options)
    driver.set_page_load_timeout(patience)
    driver.set_script_timeout(patience)
    return driver


def setUpModule():
    global run, browser
    (folder / "downloads").mkdir()
    run = Run(folder / "run")
    browser = open_browser()


# What the page draws last is the map of the difference: a mark in it is gone once all that came before is drawn.
mark = "document.querySelector('#map-difference [data-w]').setAttribute('data-w', 'old');"
until_drawn = """
  const done = arguments[arguments.length - 1];
  const look = () => document.querySelector('#map-difference [data-w=old]') ? setTimeout(look, 5) : done();
  look();"""


def js(code, *arguments):
    return browser.execute_script(code, *arguments)


def element(name):
    return browser.find_element(By.ID, name)


def text(name):
    return js("return document.getElementById(arguments[0]).textContent", name)


def value(name):
    return js("return document.getElementById(arguments[0]).value", name)


def drawn(action, *arguments):
    """Does something that makes the page draw, and waits for it."""
    js(mark)
    action(*arguments)
    browser.execute_async_script(until_drawn)


def choose(**choices):
    for name, wanted in choices.items():
        name = name.replace("_", "-")
        if value(name) == str(wanted):
            continue
        if name == "null":
            element(name).send_keys(Keys.CONTROL, "a")
            element(name).send_keys(str(wanted))
            drawn(element(name).send_keys, Keys.TAB)
        else:
            drawn(Select(element(name)).select_by_value, str(wanted))


def press(key):
    """A key on the slider, which draws even where the key leaves it as it is."""
    def act():
        element("step").send_keys(key)
        js("document.getElementById('step').dispatchEvent(new Event('input'))")
    drawn(act)


def displayed(selector):
    """The texts of the elements that can be seen."""
    return js("return [...document.querySelectorAll(arguments[0])].filter(one => one.getClientRects().length > 0)"
              ".map(one => one.textContent.trim())", selector)


def write_npy(file, shape, values):
    header = str({"descr": "<f4", "fortran_order": False, "shape": tuple(shape)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
                     + struct.pack(f"<{len(values)}f", *values))


def cells(name="map"):
    """{(row, column): weight}"""
    found = js("return [...document.querySelectorAll(`#${arguments[0]} [data-w]`)]"
               ".map(cell => [cell.dataset.t, cell.dataset.s, cell.dataset.w].map(Number))", name)
    return {(t, s): weight for t, s, weight in found}


def shown_step():
    return int(value("step"))


class ReportPage(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.open((run.path / "report.html").as_uri())

    def tearDown(self):
        self.assertEqual([entry["message"] for entry in browser.get_log("browser")], [], "errors in the console")

    def open(self, address):
        browser.get("about:blank")
        browser.get(address)
        # On a busy machine get() may return while the blank page is still the one that answers.
        wait(f"{address} is loaded", lambda: js("return location.href !== 'about:blank'"
                                                " && document.readyState === 'complete'"))
        answer = browser.execute_async_script("""
          const done = arguments[0];
          window.gaze ? gaze.ready.then(() => done('ready'), error => done(String(error))) : done('no window.gaze');""")
        self.assertEqual(answer, "ready", f"of {address}")

    def check_near(self, seen, expected, margin, what):
        self.assertEqual(len(seen), len(expected), what)
        for (where, weight), other in zip(seen.items(), expected):
            self.assertLessEqual(abs(weight - other), margin, f"{what}, {where}: {weight} is shown, not {other}")

    def test_says_something_and_needs_nothing_else(self):
        self.assertIn("alignment", text("headline"))
        self.assertNotIn("cannot be shown", text("headline"))
        self.assertEqual(js("return performance.getEntriesByType('resource').map(one => one.name)"
                            ".filter(name => !name.startsWith('data:') && !name.startsWith('blob:'))"), [])
        self.assertEqual(js("return [...document.querySelectorAll('[src], [href]')].map(one => one.outerHTML)"
                            ".filter(tag => !/(src|href)=\"(data:|#)/.test(tag))"), [])

    def test_map_is_what_was_recorded(self):
        for key, step in ((Keys.HOME, run.steps[0]), (Keys.END, run.steps[-1])):
            press(key)
            for kind, layer, head, probe, unit in (("cross", 0, 0, 3, 50000), ("cross", 1, "mean", 11, 50000),
                                                   ("encoder", 1, 1, 0, 255), ("decoder", 0, 0, 7, 255)):
                choose(kind=kind, layer=layer, head=head, probe=probe)
                rows, columns = (len(run.probes[probe][side]) + more for side, more in
                                 {"cross": (("target", 1), ("source", 0)), "encoder": (("source", 0),) * 2,
                                  "decoder": (("target", 1),) * 2}[kind])
                self.check_near(cells(), run.recorded(kind, layer, head, probe, step, rows, columns), 1.1 / unit,
                                f"{kind}, layer {layer}, head {head}, probe {probe}, step {step}")

    def test_slider_moves_the_map(self):
        last = len(run.steps) - 1
        self.assertEqual(int(js("return document.getElementById('step').max")), last)
        self.assertEqual(shown_step(), last, "a page opens at the last step")
        seen = {}
        for key, at in ((Keys.END, last), (Keys.HOME, 0), (Keys.ARROW_RIGHT, 1), (Keys.ARROW_RIGHT, 2),
                        (Keys.ARROW_LEFT, 1)):
            press(key)
            self.assertEqual(shown_step(), at, f"after {key!r}")
            self.assertEqual(text("step-label"), f"step {run.steps[at]} of {run.steps[-1]}")
            seen[at] = cells()
        self.assertNotEqual(seen[0], seen[last], "the map at the first and the last step")
        press(Keys.HOME)
        self.assertEqual(cells(), seen[0], "the map at the first step, back there")

    def test_play_and_pause(self):
        press(Keys.HOME)
        before = cells()
        element("play").click()
        wait("play moves the slider by three steps", lambda: shown_step() >= 3)
        element("play").click()
        browser.execute_async_script("setTimeout(arguments[0], 100)")  # the step that was being drawn
        stopped = shown_step()
        self.assertLess(stopped, len(run.steps) - 1)
        self.assertEqual(text("step-label"), f"step {run.steps[stopped]} of {run.steps[-1]}")
        self.assertNotEqual(cells(), before, "the map before and after play")
        browser.execute_async_script("setTimeout(arguments[0], 600)")
        self.assertEqual(shown_step(), stopped, "the slider stays where it was paused")

    def test_figures_are_those_of_the_program(self):
        seen = set()
        for null, shift, layer, head in itertools.product((0, 0.3, 0.95), ("produced", "consumed"), (0, 1),
                                                          ("mean", 0, 1)):
            choose(null=null, shift=shift, layer=layer, head=head)
            score = run.score(layer, head, shift, null)
            for name in ("aer", "precision", "recall"):
                self.assertEqual(text(name), percent(score[name]),
                                 f"{name} of layer {layer}, head {head}, {shift}, null {null}")
            seen.add(text("aer"))
        self.assertGreater(len(seen), 8, f"switches change the AER, but it was only ever {seen}")

    def test_gold_links_are_outlined(self):
        outlined = """
          const near = (a, b) => ['x', 'y'].every(name => Math.abs(a.getAttribute(name) - b.getAttribute(name)) < 2);
          const all = [...document.querySelectorAll('#map .cells rect')];
          return [...document.querySelectorAll('#map .marks .gold')].map(mark => {
            const {t, s} = all.find(cell => near(cell, mark)).dataset;
            return [Number(s), Number(t), mark.classList.contains('possible') ? 0 : 1];
          });"""
        for shift, probe in itertools.product(("produced", "consumed"), (0, 11)):
            choose(shift=shift, probe=probe)
            gold = [[i, j + (shift == "consumed"), sure] for i, j, sure in run.probes[probe]["gold"]]
            self.assertEqual(sorted(js(outlined)), sorted(gold), f"[column, row, sure], sentence {probe}, {shift}")

    def saved(self, kind, ending=None, name=None):
        """The file that a button saves, which is then removed."""
        downloads = folder / "downloads"
        js("document.getElementById(arguments[0]).click()", f"export-{kind}")
        file = wait(f"a file is saved by #export-{kind}",
                    lambda: next((f for f in downloads.glob(f"*.{ending or kind}") if f.stat().st_size > 0), None))
        content = file.read_bytes()
        file.unlink()
        if name:
            self.assertEqual(file.name, name)
        return content

    def changed(self, name, change, metrics=None):
        """The page of a copy of the run whose index `change` has changed."""
        copy = folder / name
        shutil.copytree(run.path, copy)
        index = json.loads(json.dumps(run.index))
        change(index, copy)
        (copy / "attention" / "index.json").write_text(json.dumps(index))
        if metrics:
            (copy / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics))
        run_gaze("report", copy)
        self.open((copy / "report.html").as_uri())

    def test_each_kind_has_its_own_figures(self):
        self.assertIn("AER", displayed("#heads thead th"))
        for kind in ("encoder", "decoder"):
            choose(kind=kind, layer=1, head=0)
            self.assertEqual(displayed("#heads thead th"), [f"Step {run.steps[-1]}", "Entropy"], kind)
            self.assertEqual(text("heads-curve-title"), "Entropy of each head")
            self.assertEqual([one for one in displayed("h2, h3, label, .figure") if "AER" in one], [], kind)
            chosen = displayed("#heads tr.chosen td")
            self.assertEqual(chosen[0], "Layer 1, head 0")
            own = self.entropy(kind, 1, 0)
            self.assertLess(abs(float(chosen[1].rstrip(" %")) - 100 * own), 1.5, f"{kind}: entropy {own}")
        self.assertEqual(displayed("#probes thead th"), ["No.", "Source", "Target"])

    def entropy(self, kind, layer, head):
        """Over all sentences at the last step, from the record."""
        entropies = []
        for p, probe in enumerate(run.probes):
            n = len(probe["source"]) if kind == "encoder" else len(probe["target"]) + 1
            weights = run.recorded(kind, layer, head, p, run.steps[-1], n, n)
            for t in range(n):
                sees = n if kind == "encoder" else t + 1
                if sees > 1:
                    row = [w for w in weights[t * n:t * n + sees] if w > 0]
                    entropies.append(-sum(w * math.log(w) for w in row) / math.log(sees))
        return sum(entropies) / len(entropies)

    def test_without_gold_nothing_speaks_of_gold(self):
        def change(index, _):
            index["baselines"] = {"floor": None, "diagonal": None}
            for probe in index["probes"]:
                probe["gold"] = []
            for step in index["steps"]:
                for score in step["scores"]:
                    score["aer"] = None
        self.changed("no-gold", change)
        seen = displayed("h2, h3, th, .figure, .legend > span, label, #curve-heads text")
        words = re.compile(r"AER|gold|sure link|Floor|Diagonal|Found|Precision|Recall", re.I)
        self.assertEqual([one for one in seen if words.search(one)], [])
        self.assertEqual(text("heads-curve-title"), "Entropy of each head")
        self.assertEqual([one for one in displayed("#heads td") if one == "–"], [])
        self.assertNotIn("AER", js("return document.getElementById('curve-heads').querySelector('svg').ariaLabel || ''"))

    def test_curves_are_joined_over_gaps(self):
        lines = [{"step": step, "loss": 3 - step / 100, **({"validation_loss": 2.5} if step % 100 == 50 else {})}
                 for step in range(10, 251, 10)]
        self.changed("gaps", lambda index, copy: None, lines)
        paths = js("return [...document.querySelectorAll('#curve-loss .line')].map(line => line.getAttribute('d'))")
        self.assertEqual([path.count("M") for path in paths], [1, 1])
        self.assertEqual(paths[1].count("L"), sum("validation_loss" in line for line in lines) - 1)

    def test_switches_change_curves_and_headline(self):
        def curve():
            return js("return document.querySelector('#curve-heads .chosen').getAttribute('d')")
        choose(layer=1, head="mean")
        usual, sentence = curve(), text("headline")
        self.assertRegex(sentence, r"found the alignment at step \d+ \((95 % interval \d+|the same in)")
        choose(null=0.95)
        self.assertNotEqual(curve(), usual)
        self.assertNotEqual(text("headline"), sentence)
        choose(null=0, shift="consumed")
        self.assertNotEqual(curve(), usual)
        choose(shift="produced")
        self.assertEqual((curve(), text("headline")), (usual, sentence), "the interval is the same each time")

    def test_found_is_the_first_of_several_in_a_row(self):
        self.assertEqual(js("return gaze.foundAt([0.1, 0.5, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.9], 0)"), 5)
        self.assertEqual(js("return gaze.foundAt([0.5, 0.1, 0.1], 0)"), -1)
        self.assertEqual(js("return gaze.foundAt([0.5, 0.2, null, 0.2, 0.2, 0.2], 0.05)"), 3)
        sure = "Array.from({length: 40}, (_, p) => ({predicted: 5, sure: 5, sureHits: %s, possibleHits: %s}))"
        steps = ", ".join(sure % (hits, hits) for hits in ("0", "p < 34 ? 5 : 0", "p < 35 ? 5 : 0", "5", "5", "5"))
        interval = js(f"return gaze.foundInterval([{steps}], 0)")
        self.assertEqual([interval["low"], interval["high"]], [1, 3], "sentences decide between the steps 1 and 3")

    def test_counts_from_0(self):
        self.assertEqual(js("return [...document.getElementById('layer').options].map(one => one.text)"), ["0", "1"])
        self.assertEqual(js("return [...document.getElementById('head').options].map(one => one.text)"),
                         ["mean", "0", "1"])
        choose(layer=0, head=0, probe=0)
        self.assertEqual(text("map-title"), "Cross-attention, layer 0, head 0")
        self.assertEqual(text("sentence-title"), "Sentence 0")
        self.assertIn("L0 H0", displayed(".thumb b"))

    def test_keys(self):
        body = browser.find_element(By.TAG_NAME, "body")
        step = shown_step()
        for key in (Keys.HOME, Keys.ARROW_LEFT, Keys.SPACE):
            body.send_keys(key)
        body.send_keys(Keys.END)
        wait("End scrolls", lambda: js("return scrollY") > 100)
        self.assertEqual((shown_step(), js("return document.querySelector('#play.playing')")), (step, None))
        sentence = value("probe")
        drawn(body.send_keys, "n")
        self.assertNotEqual(value("probe"), sentence)
        js("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '[', altKey: true, bubbles: true}))")
        wait("the sentence before, with Option", lambda: value("probe") == sentence)
        js("document.getElementById('letter-keys').click()")
        body.send_keys("n")
        self.assertEqual(value("probe"), sentence, "keys of one letter are off")
        js("document.getElementById('letter-keys').click()")
        element("map").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
        weight = cells()[1, 1]
        self.assertRegex(text("readout"), re.escape(f"{100 * weight:.1f} %"))
        element("map").send_keys(Keys.ESCAPE)

    def test_long_sentences(self):
        rows, columns = 300, 524

        def change(index, copy):
            index["probes"] = [{"source": [f"w{i}" for i in range(columns)], "target": [f"t{i}" for i in range(rows - 1)],
                                "gold": [[0, 0, 1]]}]
            module = next(one for one in index["modules"] if one["kind"] == "cross")
            index["modules"], index["steps"] = [{**module, "heads": 1}], index["steps"][-3:]
            for step in index["steps"]:
                step["scores"] = [score for score in step["scores"] if score["module"] == module["name"]][:1]
                values = [0.001] * (rows * columns)
                for t in range(rows):
                    values[t * columns + t] = 0.08
                write_npy(copy / "attention" / f"{module['name']}.{step['step']:07}.npy", (1, 1, rows, columns), values)
        self.addCleanup(browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
        size = {"width": 1900, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.changed("long", change)
        self.assertTrue(js("return document.querySelector('#map image').getAttribute('href').startsWith('data:image/png')"))
        self.assertGreater(js("return document.getElementById('map-box').clientWidth"), 1600, "the room that is there")
        js("const map = document.getElementById('map'); map.focus()")
        element("map").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        self.assertIn("t0", text("readout"))
        self.assertEqual(text("scale-end"), "100.0 % of a row".replace(".0", ""))
        Select(element("contrast")).select_by_value("stretched")
        wait("the colours are stretched", lambda: text("scale-end") == "8 % of a row")
        self.assertEqual(len(self.saved("csv").splitlines()), rows + 1)

    def test_directions_of_writing(self):
        def change(index, _):
            for probe in index["probes"]:
                probe["source"][0] = probe["target"][0] = "שלום!"
        self.changed("hebrew", change)
        self.assertEqual(js("return getComputedStyle(document.querySelector('#map .labels text')).unicodeBidi"), "plaintext")
        choose(probe=0)
        element("map").send_keys(Keys.ARROW_RIGHT)
        self.assertIn("\u2068שלום!\u2069 – \u2068שלום!\u2069", text("readout"))
        self.assertEqual(js("return document.querySelector('#probes .sentence').dir"), "auto")
        picture = xml.dom.minidom.parseString(self.saved("svg")).documentElement
        labels = [one for one in picture.getElementsByTagName("text") if one.hasAttribute("data-column")]
        self.assertEqual({one.getAttribute("unicode-bidi") for one in labels}, {"plaintext"})

    def test_figures_for_print(self):
        media = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        self.addCleanup(browser.execute_cdp_cmd, "Emulation.setEmulatedMedia", {"features": []})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        choose(kind="cross", layer=1, head=0, probe=3)
        name = f"run-cross-layer1-head0-sentence3-step{run.steps[-1]}"
        picture = xml.dom.minidom.parseString(self.saved("svg", name=f"{name}.svg")).documentElement
        rectangles = picture.getElementsByTagName("rect")
        self.assertEqual(rectangles[0].getAttribute("fill"), "#ffffff")
        lightest = max(rectangles[1:], key=lambda one: -float(one.getAttribute("data-w") or 1))
        self.assertGreater(min(map(int, re.findall(r"\d+", lightest.getAttribute("fill")))), 200, "light in dark mode, too")
        caption = " ".join(node.data for one in picture.getElementsByTagName("text") for node in one.childNodes
                           if node.nodeType == node.TEXT_NODE)
        for part in ("Cross-attention, layer 1, head 0, sentence 3", f"step {run.steps[-1]}", "100 % of a row", "AER",
                     "framed"):
            self.assertIn(part, caption)
        self.assertNotIn("…", caption)
        map_rows = list(csv.reader(io.StringIO(self.saved("csv", name=f"{name}.csv").decode())))
        self.assertEqual(map_rows[0], ["", *run.probes[3]["source"]])
        self.assertEqual([float(one) for one in map_rows[1][1:]],
                         [weight for (t, _), weight in cells().items() if t == 0])
        self.saved("json", name=f"{name}.json")
        curves = xml.dom.minidom.parseString(self.saved("curves-svg", "svg", "run-cross-curves.svg")).documentElement
        self.assertGreater(len([one for one in curves.getElementsByTagName("path")]), 8)
        rows = list(csv.reader(io.StringIO(self.saved("curves-csv", "csv", "run-cross-curves.csv").decode())))
        self.assertEqual(rows[0], ["curve", "step", "value"])
        self.assertEqual({one[0] for one in rows} & {"loss", "AER of layer 0, head 1", "token_accuracy"},
                         {"loss", "AER of layer 0, head 1", "token_accuracy"})
        heads = list(csv.reader(io.StringIO(self.saved("heads", "csv").decode())))
        self.assertEqual(heads[0][:2], [f"Step {run.steps[-1]}", "AER"])
        self.assertEqual(len(list(csv.reader(io.StringIO(self.saved("probes", "csv").decode())))), len(run.probes) + 1)

    def test_language_model_says_why(self):
        (folder / "text").write_text("".join(f"{a} {b}\n" for a in "abcdefgh" for b in "ijklmnop") * 8)
        path = folder / "language"
        run_gaze("train", "chars", "--text", folder / "text", "--run", path, "--steps", 20, "--threads", 1, "--set",
                 "d_model=16", "--set", "d_ff=32", "--set", "batch=8", "--set", "log_every=5")
        address = folder / "language-address"
        start_gaze(address, "watch", path, "--port", 0)
        found = wait("gaze watch prints its address", lambda: re.search(r"http://\S+", address.read_text()))
        self.open(found[0])
        wait("why", lambda: "not recorded" in text("headline") and "language model" in text("headline"))
        self.assertEqual(displayed(".bar, #maps, #compare, .thumb"), [])
        self.assertTrue(wait("the curve of the loss", lambda: js("return document.querySelectorAll('#curve-loss .line').length")))
        browser.get("about:blank")
        program = started.pop()
        program.kill()
        program.wait()

    def test_exports(self):
        choice = {"layer": 1, "head": 0, "shift": "consumed", "null": 0.5}
        choose(probe=11, **choice)
        map_cells = cells()
        picture = xml.dom.minidom.parseString(self.saved("svg")).documentElement
        self.assertEqual(picture.tagName, "svg")
        weights = {(int(r.getAttribute("data-t")), int(r.getAttribute("data-s"))): float(r.getAttribute("data-w"))
                   for r in picture.getElementsByTagName("rect") if r.hasAttribute("data-w")}
        self.assertEqual(weights, map_cells, "the SVG's cells and the map's")

        png = self.saved("png")
        self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", png[16:24]),
                         tuple(2 * int(float(picture.getAttribute(side))) for side in ("width", "height")),
                         "the PNG is twice the SVG's size")
        self.assertGreater(len(png), 2000)

        numbers = json.loads(self.saved("json"))
        for name, expected in {**choice, "kind": "cross", "probe": 11, "step": run.steps[-1],
                               "source": run.probes[11]["source"], "target": run.probes[11]["target"],
                               "gold": run.probes[11]["gold"]}.items():
            self.assertEqual(numbers[name], expected, f"{name} in the JSON")
        self.check_near(map_cells, sum(numbers["matrix"], []), 5.1e-6, "the JSON's matrix and the map's cells")
        self.assertEqual(percent(numbers["aer"]), text("aer"))

        links = run.align(*choice.values())
        self.assertEqual(self.saved("pharaoh").decode(), links)
        self.assertIn(len(links.split()), range(1, sum(len(probe["target"]) for probe in run.probes)),
                      "the null threshold leaves some links and takes some away, so that both are tested")

    def test_a_against_b(self):
        choose(layer=1, head=0, probe=3)
        choose(compare_a=run.steps[0], compare_b="now")
        self.check_comparison(self.map_at(Keys.HOME), self.map_at(Keys.END))
        press(Keys.END)
        own = cells()
        choose(layer=0, head="mean")
        other = cells()
        choose(compare_mode="heads")
        choose(compare_a="now", compare_b="1.0")
        self.check_comparison(other, own)

    def map_at(self, key):
        press(key)
        return cells()

    def check_comparison(self, a, b):
        self.assertEqual(cells("map-a"), a)
        self.assertEqual(cells("map-b"), b)
        self.check_near(cells("map-difference"), [a[cell] - b[cell] for cell in a], 1.01e-5, "A - B")
        self.assertGreater(max(abs(difference) for difference in cells("map-difference").values()), 0.01)

    def test_widths_and_colour_schemes(self):
        self.addCleanup(browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
        self.addCleanup(browser.execute_cdp_cmd, "Emulation.setEmulatedMedia", {"features": []})
        for width in (360, 1600):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            drawn(browser.execute_cdp_cmd, "Emulation.setDeviceMetricsOverride", size)
            brightness, cell = {}, {}
            for scheme in ("dark", "light", "dark"):
                media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
                browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
                press(Keys.END)
                wide = js("return document.scrollingElement.scrollWidth")
                self.assertLessEqual(wide, width, f"{scheme}: the page is wider than its window")
                colours = js("const {backgroundColor, color} = getComputedStyle(document.body);"
                             "return [backgroundColor, color]")
                brightness[scheme] = [sum(map(float, re.findall(r"[\d.]+", colour)[:3])) for colour in colours]
                cell[scheme] = js("return document.querySelector('#map [data-w]').getAttribute('fill')")
            self.assertGreater(brightness["light"][0], brightness["light"][1] + 300, "dark on light")
            self.assertLess(brightness["dark"][0], brightness["dark"][1] - 300, "light on dark")
            self.assertNotEqual(cell["light"], cell["dark"], "the colour of a cell")

    def test_words_may_be_anything(self):
        words = ["<script>alert(1)</script>", "<!--", "]]>"]
        copy = folder / "hostile & <b>run"
        shutil.copytree(run.path, copy)
        index = json.loads(json.dumps(run.index))
        for probe in index["probes"]:
            probe["source"][:3] = probe["target"][:3] = words
        (copy / "attention" / "index.json").write_text(json.dumps(index))
        run_gaze("report", copy)
        self.open((copy / "report.html").as_uri())  # an alert would make any later command fail
        for kind, probe in itertools.product(("encoder", "decoder", "cross"), (0, 11)):
            choose(kind=kind, probe=probe)
            self.assertTrue(cells(), f"the map of {kind}, probe {probe}")
        labels = js("return ['column', 'row'].map(name =>"
                    "[...document.querySelectorAll(`#map [data-${name}] title`)].map(one => one.textContent))")
        self.assertEqual([labels[0][:3], labels[1][:3]], [words, words])
        drawn(element("map-table-box").find_element(By.TAG_NAME, "summary").click)
        self.assertEqual(js("return document.scripts.length"), 2, "the page's own data and script")
        self.assertNotEqual(text("aer"), "–")
        titles = xml.dom.minidom.parseString(self.saved("svg")).getElementsByTagName("title")
        self.assertIn(words, [[title.firstChild.data for title in titles[i:i + 3]] for i in range(len(titles))])
        self.assertEqual(json.loads(self.saved("json"))["source"][:3], words)

    def test_pieces_are_shown_and_scored_as_words(self):
        text_of, pieces = folder / "parallel", folder / "pieces"
        text_of.mkdir()
        run_gaze("tasks", "grammar", "--write", text_of, "--count", 400)
        source, target, gold, links = (text_of / f"{name}.txt" for name in ("source", "target", "gold", "links"))
        run_gaze("train", "pairs", "--run", pieces, "--src", source, "--tgt", target, "--threads", 1, "--steps", 60,
                 *(f"--set={option}" for option in ("units=subwords", "vocab=60", "validate_every=60", "d_model=32",
                                                    "d_ff=64", "heads=2", "layers=1", "probes=6", "batch=32",
                                                    "source_eos=true", "lr=0.003")))
        index = json.loads((pieces / "attention" / "index.json").read_text())
        sentences = {}
        for side, file in (("source", source), ("target", target)):
            sentences[side] = ["".join(probe[side]).replace("\u2581", " ").split() for probe in index["probes"]]
            self.assertTrue(any(len(probe[side]) > len(words) + 2
                                for probe, words in zip(index["probes"], sentences[side])), "words are in pieces")
            file.write_text("".join(" ".join(words) + "\n" for words in sentences[side]))
        # Some sentences have gold links: a word and the one at its place.
        for probe, words, others in list(zip(index["probes"], sentences["source"], sentences["target"]))[:4]:
            probe["gold"] = [[i, i, 1] for i in range(min(len(words), len(others)))]
        index["baselines"] = {"floor": 0, "diagonal": 0}
        (pieces / "attention" / "index.json").write_text(json.dumps(index))
        gold.write_text("".join(" ".join(f"{i}-{j}" for i, j, _ in probe["gold"]) + "\n" for probe in index["probes"]))
        run_gaze("report", pieces)
        self.open((pieces / "report.html").as_uri())
        figures = set()
        for shift, head in itertools.product(("produced", "consumed"), ("mean", 0, 1)):
            choose(shift=shift, head=head, probe=1)
            how = ("--shift", shift, "--head", head)
            links.write_text(run_gaze("align", pieces, "--src", source, "--tgt", target, *how))
            score = json.loads(run_gaze("score", "align", "--gold", gold, "--pred", links, "--json").splitlines()[-1])
            for name in ("aer", "precision", "recall"):
                self.assertEqual(text(name), percent(score[name]), f"{name}, {shift}, {head}")
            figures.add(text("aer"))
            numbers = json.loads(self.saved("json"))
            self.assertEqual(numbers["columns"], sentences["source"][1] + ["</s>"])
            words = sentences["target"][1]
            self.assertEqual(numbers["rows"], words + ["</s>"] if shift == "produced" else ["<s>"] + words)
            shown = json.loads(run_gaze("inspect", pieces, " ".join(sentences["source"][1]), " ".join(words), *how,
                                        "--json"))
            first = 0 if shift == "produced" else 1
            for t, row in enumerate(shown["weights"]):
                for s in range(len(sentences["source"][1])):
                    self.assertAlmostEqual(numbers["matrix"][t + first][s], row[s], delta=1e-4)
        self.assertGreater(len(figures), 1)
        for kind, marks in (("encoder", len(sentences["source"][1]) + 1), ("decoder", len(sentences["target"][1]) + 1)):
            choose(kind=kind)
            self.assertEqual(len(cells()), marks ** 2)
            rows = json.loads(self.saved("json"))["matrix"]
            for row in rows:
                self.assertAlmostEqual(sum(row), 1, delta=0.05)

    def test_live(self):
        path, address = folder / "live", folder / "address"
        start_gaze(folder / "training", "train", "sort", "--run", path, "--steps", 100000, "--threads", 1)
        wait("the training records", (path / "attention" / "index.json").exists)
        start_gaze(address, "watch", path, "--port", 0)
        found = wait("gaze watch prints its address", lambda: re.search(r"http://\S+", address.read_text()))
        self.open(found[0])
        wait("steps are recorded", lambda: js("return Number(document.getElementById('step').max)") > 0)
        first = js("return Number(document.getElementById('step').max)")
        wait(f"more than {first} steps come", lambda: js("return Number(document.getElementById('step').max)") > first)
        self.assertRegex(text("status"), r"^training: step \d+ of 100000$")
        self.assertRegex(text("step-label"), r"^step (\d+) of \1$", "the slider goes with the training")
        self.assertTrue(cells())
        press(Keys.HOME)
        longest = js("return Number(document.getElementById('step').max)")
        wait("still more steps come", lambda: js("return Number(document.getElementById('step').max)") > longest)
        self.assertEqual(shown_step(), 0, "the slider stays where it was put")
        browser.get("about:blank")
        for program in started:
            self.assertIsNone(program.poll(), f"{program.args} has ended: {program.returncode}")
            program.kill()


def descendants(pid):
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            yield child
            yield from descendants(child)


def end_processes():
    try:
        left = list(descendants(os.getpid()))
    except OSError:  # one ended in the meantime
        left = [program.pid for program in started]
    try:
        if browser:
            browser.quit()
    finally:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def interrupt(number, _):
    # The one thing that unittest does not take for a failed test, to go on with the next.
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    global gaze, folder
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    gaze = os.path.abspath(sys.argv[1])
    socket.setdefaulttimeout(2 * patience)  # of Selenium's conversation with the browser
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(200)  # earlier than CTest, which would leave the folder behind
    with tempfile.TemporaryDirectory(prefix="gaze-browser-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ["TMPDIR"] = name  # where Chromium keeps its profile
        try:
            result = unittest.main(argv=sys.argv[1:], verbosity=2, exit=False).result
        finally:
            end_processes()
    sys.exit(not result.wasSuccessful())


main()
