#!/usr/bin/python3
"""The report page in a real browser: report.py GAZE [ReportPage.test_NAME ...], GAZE being the path of the program.

Ends with 77 where Chromium, its driver or Selenium is missing.
"""

import decimal
import itertools
import json
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
    drawn(browser.find_element(By.TAG_NAME, "body").send_keys, key)


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
            self.assertEqual(shown_step(), at, f"after {key!r} on the page")
            self.assertEqual(text("step-label"), f"step {run.steps[at]} of {run.steps[-1]}")
            seen[at] = cells()
        self.assertNotEqual(seen[0], seen[last], "the map at the first and the last step")
        for key, at in ((Keys.END, last), (Keys.ARROW_LEFT, last - 1), (Keys.HOME, 0)):
            drawn(element("step").send_keys, key)
            self.assertEqual(shown_step(), at, f"after {key!r} on the slider")
            self.assertEqual(text("step-label"), f"step {run.steps[at]} of {run.steps[-1]}")
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
            self.assertEqual(sorted(js(outlined)), sorted(gold), f"[column, row, sure], sentence {probe + 1}, {shift}")

    def saved(self, kind):
        """The file that a button saves, which is then removed."""
        downloads = folder / "downloads"
        element(f"export-{kind}").click()
        file = wait(f"a file is saved by #export-{kind}",
                    lambda: next((f for f in downloads.glob(f"*.{kind}") if f.stat().st_size > 0), None))
        content = file.read_bytes()
        file.unlink()
        return content

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
        text_of, pieces = folder / "text", folder / "pieces"
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
