"""The page in a real browser: browse, search with a typo, open an image, mark it, build again."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytest.importorskip("starlette", reason="pip install 'treeoflife[explore]'")

import treeoflife as library
from treeoflife.config.tables import Checks
from treeoflife.core.database import open_database
from treeoflife.explore.index_builder import open_index
from treeoflife.selection import findings
from treeoflife.taxonomy.checks.check_taxa import check_taxa
from treeoflife.testing.builds import run_treeoflife

CHROMIUM = shutil.which("chromium") or ""
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SHOTS = Path(os.environ.get("TREEOFLIFE_SHOTS", ".artifacts"))


@contextmanager
def serving(out: Path, *words: str) -> Iterator[str]:
    code = "from treeoflife.cli import main; main()"
    command = [sys.executable, "-c", code, "explore", str(out), "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


def status(address: str, data: bytes | None = None, **headers: str) -> int:
    request = urllib.request.Request(address, data, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_next_build_applies_a_mark_made_on_the_page(browser: Any, build_copy: Path) -> None:
    with serving(build_copy) as address:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        for taxon in ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera", "leo"):
            page.get_by_role("button", name=re.compile(f"^{taxon}")).first.click()
            page.locator("#here", has_text=taxon).wait_for()
        page.fill("#q", "fli agarik")
        page.get_by_role("option", name=re.compile("Fly Agaric")).click()
        page.locator("#here", has_text="muscaria").wait_for()
        page.locator(".cell").first.click()
        page.locator("dialog[open] h2").wait_for()
        dropped = (
            page.locator("dialog tr", has=page.locator("th", has_text=re.compile("^id$"))).locator("td").inner_text()
        )
        page.select_option("dialog select", "drop")
        page.fill("dialog input[name=note]", "a toadstool of plastic")
        page.get_by_role("button", name="Save mark").click()
        page.get_by_text("Marked: drop").wait_for()
        page.close()
    built = run_treeoflife("build", "--config", str(build_copy / "dataset.toml"))
    assert built.returncode == 0, built.stderr
    ledger = pl.read_parquet(build_copy / "ledger/ledger.parquet").filter(treeoflife_id=dropped)
    assert ledger.select("reason", "detail").rows() == [("marked", "a toadstool of plastic")]
    with serving(build_copy) as address:
        assert status(f"{address}api/id/{dropped}") == 404


def test_a_relabelled_image_has_its_new_name_and_the_same_pixels(build_copy: Path) -> None:
    before = next(one for one in library.open(build_copy) if one.taxon.species == "leo")
    with serving(build_copy) as address:
        mark = f'{{"treeoflife_id": "{before.id}", "verdict": "relabel", "genus": "Puma", "species": "concolor"}}'
        assert status(f"{address}api/marks", mark.encode(), Content_Type="application/json") == 200
    assert run_treeoflife("build", "--config", str(build_copy / "dataset.toml")).returncode == 0
    after = library.open(build_copy)[before.id]
    assert (after.taxon.scientific_name, after.texts["com.txt"]) == ("Puma concolor", "a photo of Puma concolor.")
    assert after.jpeg == before.jpeg


@pytest.mark.parametrize("wide", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_fits(browser: Any, drawn_build: Path, wide: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    SHOTS.mkdir(exist_ok=True)
    with serving(drawn_build) as address:
        page = browser.new_page(viewport={"width": wide, "height": 900}, color_scheme=scheme, bypass_csp=True)
        page.goto(address)
        page.locator(".cell img").first.wait_for()
        page.screenshot(path=SHOTS / f"explore-{wide}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= wide
        assert axe.run(page).response["violations"] == []
        page.locator(".cell").first.click()
        page.locator("dialog[open] h2").wait_for()
        page.screenshot(path=SHOTS / f"explore-one-{wide}-{scheme}.png")
        assert axe.run(page).response["violations"] == []
        page.close()


def conflict(out: Path) -> tuple[str, str]:
    """Write findings about two images with different names: one that concerns both, and one with hostile texts."""
    dataset = library.open(out)
    one = next(sample for sample in dataset.samples("train") if sample.taxon.species == "leo")
    other = next(sample for sample in dataset.samples("train") if sample.taxon.kingdom == "Plantae")
    rows = [(one.id, "twins", "seen twice", [other.id, "no-such-id"]), (other.id, "<b>odd</b>", "\u202e<i>", [])]
    kinds = {"twins": "two pictures of one moment", "<b>odd</b>": "<script>alert(1)</script>"}
    table = pl.DataFrame(rows, schema=list(findings.SCHEMA), orient="row")
    findings.write(dataset.paths.findings("planted"), table, kinds)
    return one.id, other.id


def test_any_kind_of_finding_is_a_filter_and_a_panel_with_the_other_images_beside_it(
    browser: Any, build_copy: Path
) -> None:
    _, other = conflict(build_copy)
    with serving(build_copy) as address:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.get_by_label("two pictures of one moment").check()
        page.locator("#count", has_text=re.compile("^1 image$")).wait_for()
        page.locator(".cell").first.click()
        panel = page.locator(".findings li", has_text="seen twice")
        panel.wait_for()
        assert panel.locator("tr", has_text="genus").locator("td").first.inner_text() == "Panthera"
        assert panel.locator("figure").count() == 3
        assert panel.locator("figure", has_text="not in the dataset").inner_text().endswith("no-such-id")
        panel.get_by_role("button").click()
        page.locator(".told tr", has_text=other).wait_for()
        odd = page.locator(".findings li", has_text="<script>alert(1)</script>")
        assert "\\u202e<i>" in odd.inner_text()
        page.close()


def test_the_filter_counts_the_same_labels_as_check_taxa(drawn_build: Path) -> None:
    found = {one.kind: one.images for one in check_taxa(drawn_build / "224x224/catalog.parquet", Checks().kingdoms)}
    index = open_index(library.open(drawn_build))
    counts = dict(zip(index.values["finding"], index.counts["finding"], strict=True))
    assert {kind: counts.get(kind, 0) for kind in found} == found
    assert found


@pytest.fixture(scope="module")
def reported(drawn_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of the drawn build, with images."""
    report = pytest.importorskip("treeoflife.reports.report")
    out, dataset = tmp_path_factory.mktemp("report"), library.open(drawn_build)
    inputs = report.ReportInputs("drawn", dataset.paths.catalog, dataset.paths.ledger, dataset=dataset)
    with open_database(tmp_path_factory.mktemp("database") / "tables") as database:
        report.write_report(database, out, inputs)
    return out / "index.html"


@pytest.mark.parametrize(("wide", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_report_is_accessible_and_fits(browser: Any, reported: Path, wide: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    SHOTS.mkdir(exist_ok=True)
    page = browser.new_page(viewport={"width": wide, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page.goto(reported.as_uri())
    page.screenshot(path=SHOTS / f"report-{wide}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= wide
    assert axe.run(page).response["violations"] == []
    page.close()


def test_the_page_works_with_the_keyboard_alone(browser: Any, drawn_build: Path) -> None:
    with serving(drawn_build) as address:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(address)
        page.locator(".cell").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.locator("dialog[open] h2").wait_for()
        seen = page.locator("dialog img").first.get_attribute("src")
        page.keyboard.press("ArrowRight")
        page.locator(f'dialog .picture img:not([src="{seen}"])').wait_for()
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="detached")
        assert page.evaluate("document.activeElement.className") == "cell"
        page.close()


def test_hostile_names_are_shown_as_text(browser: Any, build_copy: Path) -> None:
    names = [
        "<script>document.title='owned'</script>",
        "../../etc",
        "x" * 10_000,
        "\u202egnp.exe",
        "<img src=x onerror=alert(1)>",
    ]
    ids = pl.read_csv(build_copy / "224x224/catalog.csv", columns=["treeoflife_id"])["treeoflife_id"].unique().sort()
    with (build_copy / "marks.csv").open("w", newline="", encoding="utf-8") as fd:
        out = csv.writer(fd)
        out.writerow(["treeoflife_id", "verdict", "kingdom", "genus", "common"])
        out.writerows([one, "relabel", name, name, name] for one, name in zip(ids, names, strict=False))
    for command in ("build", "card"):
        assert run_treeoflife(command, "--config", str(build_copy / "dataset.toml")).returncode == 0
    with (build_copy / "224x224/catalog.csv").open(newline="", encoding="utf-8") as fd:
        assert set(names) <= {row["genus"] for row in csv.DictReader(fd)}
    card = (build_copy / "README.md").read_text(encoding="utf-8")
    assert not any(bad in card for bad in ("<script>", "<img", "\u202e", "x" * 500))
    with serving(build_copy) as address:
        page = browser.new_page(viewport={"width": 390, "height": 800})
        alerts: list[str] = []
        page.on("dialog", lambda one: alerts.append(one.message))
        page.goto(address)
        for name in ("<script>document", "../../etc", "\\u202egnp.exe", "xxxxxxxxxx"):
            page.locator("#fold").click()
            page.locator("#children bdi", has_text=name).first.wait_for()
            page.locator("#children button", has_text=name).first.click()
            page.locator(".cell").first.click()
            page.locator("dialog[open] h2").wait_for()
            page.goto("about:blank")
            page.goto(address)
        assert "owned" not in page.title()
        assert alerts == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.close()


@pytest.mark.parametrize("path", ["image/999999999", "api/row/-1", "api/node?node=9.9", "api/node?node=../..", "..%2f..%2fetc%2fpasswd", "api/id/..%2f..%2fetc", "app.py"])  # fmt: skip  # noqa: E501
def test_unknown_rows_nodes_and_files_are_answered_with_404(drawn_build: Path, path: str) -> None:
    with serving(drawn_build) as address:
        assert status(address + path) == 404


def test_other_hosts_and_origins_are_refused_and_a_bound_address_needs_the_token(build_copy: Path) -> None:
    with serving(build_copy) as address:
        assert status(address, Host="evil.example") == 403
        assert (
            status(f"{address}api/marks", b"{}", Content_Type="application/json", Origin="http://evil.example") == 403
        )
        assert status(f"{address}api/marks", b"{}", Content_Type="text/plain") == 415
    with serving(build_copy, "--host", "0.0.0.0") as address:
        local, _, token = address.replace("0.0.0.0", "127.0.0.1").partition("?token=")
        assert status(local) == 403
        assert status(f"{local}?token=wrong") == 403
        cookie = f"treeoflife_token={token}"
        assert status(f"{local}api/facets", Cookie=cookie) == 200
