"""The page in a real browser: Debian's Chromium, driven by Playwright, without any network.

Set SCREENSHOTS=folder to look at what was tested. Without Chromium the tests are skipped, and say so; `make
browser-check` installs it where it may, and fails where it cannot.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_results import PROVENANCE

from analysis import paths, scorecard
from analysis.paper import render

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
RENDERERS = ["floor", *(["quarto"] if shutil.which("quarto") else [])]
WIDTHS, SCHEMES = (360, 1400), ("light", "dark")
READABLE = 4.5  # contrast of text that WCAG 2.1 asks for at level AA

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).is_file(), reason=f"no {CHROMIUM}: the page was not seen by a browser"),
]


@pytest.fixture(scope="module", params=RENDERERS)
def page_file(request, tmp_path_factory, pytestconfig) -> Path:
    """The paper on the committed results, rendered by the floor and, where it is installed, by Quarto."""
    root = tmp_path_factory.mktemp(request.param)
    ignored = shutil.ignore_patterns("_build", "tables", "_variables.yml")
    shutil.copytree(paths.PAPER, root / "paper", ignore=ignored)
    shutil.copytree(paths.RESULTS, root / "results")
    for name in ("dvc.yaml", "params.yaml"):  # of which tables say what made them
        shutil.copy(paths.ROOT / name, root)
    summary = json.loads((paths.RESULTS / "survey" / "summary.json").read_text())
    (root / "data").mkdir()
    (root / "data" / "provenance.json").write_text(json.dumps(PROVENANCE | summary["provenance"]))
    scorecard.score(root / "results", root / "paper", root / "data")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "floor":
            patch.setattr(render.shutil, "which", lambda name: None)
        render.render(root / "paper", root / "paper" / "_build")
    return root / "paper" / "_build" / "index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Seen:
    """A page as it was opened, with what it asked for and what its console said."""

    def __init__(self, browser, file: Path, width: int, scheme: str) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(file.as_uri(), wait_until="load")

    def _hear(self, message) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)


@pytest.fixture(scope="module", params=[(width, scheme) for width in WIDTHS for scheme in SCHEMES], ids=str)
def seen(request, browser, page_file) -> Iterator[Seen]:
    opened = Seen(browser, page_file, *request.param)
    if folder := os.environ.get("SCREENSHOTS"):
        _keep_screenshots(opened.page, Path(folder), "-".join(map(str, request.param)))
    yield opened
    opened.page.close()


def _keep_screenshots(page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(page.eval_on_selector_all("h1[id], section[id]", "all => all.map(one => one.id)")):
        page.evaluate("id => document.getElementById(id).scrollIntoView()", place)
        page.screenshot(path=str(folder / f"{name}-{number:02d}-{place}.png"))


def test_the_console_is_silent_and_no_request_leaves_the_page(seen, page_file):
    assert seen.faults == []
    assert {url for url in seen.requests if not url.startswith(("file:", "data:"))} == set()
    assert {url for url in seen.requests if url.startswith("file:")} == {page_file.as_uri()}


def test_nothing_scrolls_sideways_but_within_itself(seen):
    width, shown = seen.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= shown
    cut = """() => [...document.querySelectorAll('p, li, figure, figcaption, caption, h1, h2, pre, .equation')]
        .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
                       && !one.closest('table, [style*=overflow]'))
        .map(one => one.textContent.trim().slice(0, 60))"""
    assert seen.page.evaluate(cut) == []


def test_every_figure_is_there_with_words_for_those_who_do_not_see_it(seen):
    images = seen.page.eval_on_selector_all(
        "img", "all => all.map(one => ({alt: one.alt, width: one.naturalWidth, shown: one.clientWidth}))"
    )
    assert len(images) > 20
    for image in images:
        assert image["width"] > 100, image
        assert image["shown"] > 100, image
        assert len(image["alt"]) > 20, image
    assert seen.page.locator("figure").count() >= len(images)


def test_every_link_leads_somewhere(seen):
    links = seen.page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
    targets = set(seen.page.eval_on_selector_all("[id]", "all => all.map(one => one.id)"))
    assert len(links) > 200
    for link in sorted(set(links)):
        if link.startswith("#"):
            assert link[1:] in targets, link
        elif link.startswith("../../"):
            assert (paths.ROOT / link.removeprefix("../../")).exists(), link
        else:
            assert link.startswith("https://"), link


def test_cross_references_say_what_they_point_to(seen):
    text = seen.page.inner_text("body")
    assert not re.search(r"@(fig|tbl|eq|sec)-|\?\?|\{\{<|\?(var|meta)\b", text)
    selector = "a[href^='#fig-'], a[href^='#tbl-'], a[href^='#eq-']"
    for link in seen.page.eval_on_selector_all(selector, "all => all.map(one => one.textContent)"):
        assert re.fullmatch(r"(Figure|Fig\.|Table|Equation|Eq\.)\s\d+|provenance", link), link


def test_mathematics_is_set_by_the_browser_itself(seen):
    assert seen.page.locator("math").count() > 50
    assert seen.page.locator("script[src], link[rel=stylesheet][href^='http']").count() == 0


# Of every element with text of its own: the contrast of its colour with the nearest background that is not transparent.
CONTRAST = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const background = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  const faint = new Map();
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.getClientRects().length || element.closest('script, style')) continue;
    const pair = [luminance(channels(getComputedStyle(element).color)), luminance(background(element))].sort();
    const [dark, light] = pair[0] < pair[1] ? pair : [pair[1], pair[0]];
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) faint.set(element.tagName + '.' + element.className, ratio);
  }
  return [...faint];
}"""


def test_text_stands_out_in_light_and_dark(seen):
    assert str(READABLE) in CONTRAST
    assert seen.page.evaluate(CONTRAST) == []


def test_a_dark_page_is_dark(browser, page_file):
    brightness = {}
    for scheme in SCHEMES:
        opened = Seen(browser, page_file, 1400, scheme)
        colour = opened.page.evaluate(
            "[document.body, document.documentElement].map(one => getComputedStyle(one).backgroundColor)"
            ".find(colour => colour !== 'rgba(0, 0, 0, 0)')"
        )
        brightness[scheme] = sum(map(int, re.findall(r"\d+", colour)[:3])) / 3
        opened.page.close()
    if "quarto" in page_file.as_posix():
        pytest.skip("Quarto's page turns dark by its own button")
    assert brightness["light"] > 240
    assert brightness["dark"] < 60
