import itertools
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from studies import made

from fedhca.config.owner import ELSEWHERE
from fedhca.errors import RecipeError
from fedhca.experiment.compare import Entry
from fedhca.report.discovery import found_runs
from fedhca.report.page import SECTIONS, write_report

VOID = {"meta", "link", "img", "source", "br", "input"}
HOSTILE = '<script>alert("1")</script>'


class Page(HTMLParser):
    """A page read as a browser would: every element with its attributes, and whether all are closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, *tags: str) -> Iterator[dict[str, str]]:
        return (attributes for tag, attributes in self.elements if tag in tags)

    @property
    def sections(self) -> list[str]:
        return [attributes["id"] for attributes in self.all("section")]


def settings(out: Path) -> list[Entry]:
    return [
        made(out / f"×{count}", method, seed, setting=f"×{count}", changes=[f"clients.1.count={count}"])
        for count in (1, 2)
        for seed in (0, 1)
        for method in ("local", "fedavg", "fedhca2")
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two settings, three methods and two seeds, with names that nobody should have."""
    out = tmp_path_factory.mktemp("whole")
    entries = [replace(entry, setting=f"{entry.setting} {HOSTILE}") for entry in settings(out)]
    return write_report(entries, out / "report", title=f"A {HOSTILE} title", lead=f"& {HOSTILE}")


def test_every_section_that_has_data_is_there(whole: Path) -> None:
    page = Page(whole)
    assert page.sections == [name for name in SECTIONS if name != "gallery"]  # nothing was trained: no pictures
    assert [link["href"] for link in page.all("a") if link["href"].startswith("#")] == [
        "#main",
        *(f"#{name}" for name in page.sections),
    ]
    titles = [attributes["aria-labelledby"] for attributes in page.all("section")]
    assert titles == [attributes["id"] for attributes in page.all("h2")]


def test_nothing_is_loaded_from_elsewhere(whole: Path) -> None:
    page = Page(whole)
    for _, attributes in page.elements:
        for name in ("src", "srcset", "href", "data", "poster", "action", "xlink:href"):
            if name in attributes:
                assert attributes[name].startswith(("data:", "#")), attributes[name][:80]
    assert not list(page.all("script", "iframe", "object", "embed"))
    assert "@import" not in page.text
    assert not re.search(r"url\((?!#)", page.text)
    assert "http://" not in re.sub(r'"data:[^"]*"', "", page.text)
    assert "https://" not in re.sub(r'"data:[^"]*"', "", page.text)


def test_text_from_outside_is_escaped(whole: Path) -> None:
    text = whole.read_text(encoding="utf-8")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 5


def test_it_can_be_read_without_seeing_it(whole: Path) -> None:
    page = Page(whole)
    assert all(len(image["alt"]) > 20 for image in page.all("img"))
    assert all(cell["scope"] in {"col", "row", "colgroup", "rowgroup"} for cell in page.all("th"))
    assert len(list(page.all("caption"))) == len(list(page.all("table")))
    assert len(list(page.all("main"))) == len(list(page.all("nav"))) == len(list(page.all("h1"))) == 1
    assert next(page.all("html"))["lang"] == "en"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for box in page.all("div"):
        if box.get("class") == "scroll":
            assert (box["tabindex"], box["role"]) == ("0", "region")
            assert box["aria-label"]


def test_every_figure_is_there_by_day_and_by_night_and_for_phones(whole: Path) -> None:
    page = Page(whole)
    figures = list(page.all("figure"))
    assert [picture["class"] for picture in page.all("picture")] == ["day", "night"] * len(figures)
    assert {source["media"] for source in page.all("source")} == {"screen and (max-width: 35rem)"}
    names = re.findall(r'<span class="file">([^<]*)\.svg, \.png</span>', page.text)
    assert len(names) == len(set(names)) == len(figures)
    files = {path.name for path in (whole.parent / "figures").iterdir()}
    assert files == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}


def test_best_and_second_best_are_marked_and_said(whole: Path) -> None:
    text = whole.read_text(encoding="utf-8")
    gains = re.search(r"<tr>\s*<th scope=\"row\">Δm.*?</tr>", text, re.DOTALL)
    assert gains is not None
    assert gains[0].count('<strong>9.70</strong><span class="unseen"> (best mean)</span>') == 2
    assert gains[0].count('<u>0.00</u><span class="unseen"> (second best mean)</span>') == 2
    assert "−21.67" in gains[0]


def test_the_record_gives_the_numbers_again(whole: Path) -> None:
    text = whole.read_text(encoding="utf-8")
    name = "x1-script-alert-1-script-fedavg"
    each = f"fedhca run {name}.yaml --set seed=$seed --out runs/{name}/seed-$seed"
    assert f"for seed in 0 1; do {each}; done" in text
    assert "fedhca report runs" in text
    marked = set(re.findall(r"<mark>([^<]*)</mark>", text))
    assert "  name: fedavg" in marked
    assert not any(line.startswith("rounds") for line in marked)


def written(entries: list[Entry], out: Path, *shows: str) -> Page:
    return Page(write_report(entries, out / "report", title="A study", shows=shows or None))


def test_one_run_on_one_seed(tmp_path: Path) -> None:
    page = written([made(tmp_path, "fedhca2")], tmp_path)
    assert "No run of local" in page.text
    assert {"table", "alpha", "beta", "listening", "record"} <= set(page.sections)
    assert not {"gains", "scaling", "gallery"} & set(page.sections)
    assert "±" not in page.text.split("<main")[1].split("</table>")[0].replace("Mean ± standard deviation", "")


def test_old_journals_without_inner_products(tmp_path: Path) -> None:
    old = [made(tmp_path, "local", without=["gram"]), made(tmp_path, "fedhca2", without=["gram", "beta"])]
    assert written(old, tmp_path, "conflict", "beta", "table").sections == ["table"]
    page = written([made(tmp_path, "fedavg"), *old], tmp_path, "conflict")
    assert page.sections == ["conflict"]
    assert "No inner products in the journals of: local, fedhca2." in page.text


def test_verdicts_stand_beside_the_gains(whole: Path) -> None:
    text = whole.read_text(encoding="utf-8")
    lines = re.findall(r"<tr>\s*<th scope=\"row\">(fedavg|fedhca2)</th>(.*?)</tr>", text, re.DOTALL)
    found = [(name, re.findall(r"<td[^>]*>([^<]*)</td>", cells)) for name, cells in lines]
    assert ("fedavg", ["−21.67 ± 0.00", "−21.67 to −21.67", "worse"]) in found
    assert ("fedhca2", ["+9.70 ± 0.00", "+9.70 to +9.70", "better"]) in found
    assert "holds" not in text


def test_captions_that_say_how_to_read_a_table_are_seen_and_others_only_heard(whole: Path) -> None:
    text = whole.read_text(encoding="utf-8")
    for caption, seen in (
        ("Δm: mean relative gain over local", 1),
        ("Δm against local, paired by seed", 1),
        ("The own part of the products that move α", 1),
        ("How long every run took.", 0),
        ("Claims of the paper and what was measured.", 0),
    ):
        assert text.count(f'<caption class="unseen">{caption}') == 1
        assert text.count(f'<p class="note">{caption}') == seen


def test_the_record_names_no_place_of_this_machine(tmp_path: Path) -> None:
    entry = made(tmp_path, "local", changes=["model.backbone=/home/eve/models/swin"])
    text = written([entry], tmp_path, "record").text
    assert "/home/eve" not in text
    assert f"backbone: {ELSEWHERE}" in text
    assert f"put folders of yours where it says {ELSEWHERE}" in text
    assert ELSEWHERE not in written([made(tmp_path, "fedavg")], tmp_path, "record").text


def test_figures_of_the_page_before_do_not_stay_and_what_is_not_the_reports_does(tmp_path: Path) -> None:
    entries = [made(tmp_path, "local"), made(tmp_path, "fedhca2")]
    figures = tmp_path / "report" / "figures"
    written(entries, tmp_path, "gains", "alpha")
    (figures / "mine.png").write_bytes(b"")
    before = {path.name for path in figures.iterdir()}
    page = written(entries, tmp_path, "gains")
    left = {path.name for path in figures.iterdir()}
    assert {"alpha.svg", "alpha.png"} <= before - left
    assert left == {"mine.png", "gains.svg", "gains.png", "task-gains.svg", "task-gains.png"}
    outside = tmp_path / "report" / "x.svg"
    outside.write_bytes(b"")
    (tmp_path / "report" / "report.html").write_text(page.text.replace(">gains.svg", ">../x.svg"), encoding="utf-8")
    written(entries, tmp_path, "table")
    assert outside.exists()


def test_an_unfinished_run_is_shown_and_marked(tmp_path: Path) -> None:
    page = written([made(tmp_path, "local"), made(tmp_path, "fedhca2", done=3)], tmp_path, "table", "record")
    assert "Not finished:</strong> fedhca2 seed 0 (3 of 4 rounds)" in page.text
    assert "fedhca2 †" in page.text
    assert "its last evaluation, not ranked" in page.text
    assert "<strong>44" not in page.text


def test_a_run_without_any_evaluation(tmp_path: Path) -> None:
    page = written([made(tmp_path, "local", done=3, changes=["evaluate_every=4"])], tmp_path, "table", "curves")
    assert page.sections == ["curves"]
    assert "No run was evaluated yet." in page.text
    assert "No metric was measured twice: no curve." in page.text


def test_what_was_not_measured_is_a_dash(tmp_path: Path) -> None:
    metrics: dict[str, dict[str, float | None]] = {
        "rooms-all": {"semseg": None, "depth": 0.8, "normals": 20.0, "edge": None},
        "figures-sal": {"sal": 70.0},
        "figures-semseg": {"semseg": 40.0},
    }
    entries = [made(tmp_path, "local"), made(tmp_path, "fedhca2", metrics=metrics)]
    page = written(entries, tmp_path, "table", "gains", "curves", "claims")
    assert page.sections == ["table", "gains", "claims", "curves"]
    assert re.search(r"<td>–</td>", page.text)
    assert ">nan<" not in page.text


def test_pictures_whose_data_are_elsewhere_are_one_line(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    page = written(found_runs([tmp_path]), tmp_path, "gallery")
    assert len(list(page.all("img"))) == 3 + 6 * 2  # the input once for each client, truth and prediction of each task
    for path in (tmp_path / "run" / "server").iterdir():
        path.write_bytes(b"cut short")
    page = written(found_runs([tmp_path / "run"]), tmp_path, "gallery")
    assert not list(page.all("img"))
    assert len(re.findall(r"<p class=\"note\">No pictures: ", page.text)) == 1


def test_an_unknown_section_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'table'"):
        written([made(tmp_path, "local")], tmp_path, "tables")
    assert not (tmp_path / "report").exists()


def test_a_record_that_is_broken_does_not_stop_the_page(tmp_path: Path) -> None:
    entry = made(tmp_path, "local")
    (entry.folder.path / "environment.json").write_text("[")
    assert written([entry], tmp_path, "record").sections == ["record"]
    (entry.folder.path / "environment.json").write_text(json.dumps({"python": HOSTILE}))
    assert "&lt;script" in written([entry], tmp_path, "record").text


def test_between_sites_it_says_where_time_went_and_who_did_not_answer(tmp_path: Path) -> None:
    entry = made(tmp_path / "runs", "fedhca2", rounds=3)
    path = entry.folder.path / "journal.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[1]["missing"] = {"train": {"figures-sal": f"no answer {HOSTILE}"}}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = Page(write_report([entry], tmp_path / "page", title="x", shows=["sites"]))
    assert page.sections == ["sites"]
    cells = re.findall(r"<t[dh][^>]*>\s*(.*?)\s*</t[dh]>", page.text)
    place = cells.index("rooms-all")
    assert cells[place : place + 4] == ["rooms-all", "2.0 s", "0.5 s", "0.2 s"]
    place = cells.index("why") + 2
    assert cells[place : place + 3] == ["figures-sal", "2", "train"]
    assert HOSTILE not in page.text
    near = [{**line, "clients": {}, "missing": {}} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in near))
    assert Page(write_report([entry], tmp_path / "page", title="x", shows=["sites"])).sections == []


def test_whatever_numbers_a_journal_holds_can_be_drawn(tmp_path: Path) -> None:
    """Of the last round, every second number is another."""
    entries = [made(tmp_path, method) for method in ("local", "fedhca2")]
    path = tmp_path / "fedhca2" / "seed-0" / "journal.jsonl"
    *lines, last = path.read_text(encoding="utf-8").splitlines()
    odd = itertools.cycle(["1e308", "-1e308", "NaN", "1000000000000"])
    head, numbers = last.split('"losses"')
    other = re.sub(r"(-?\d[\d.e+-]*)([^\d.e+-]+-?\d[\d.e+-]*)", lambda found: next(odd) + found[2], numbers)
    path.write_text("\n".join([*lines, f'{head}"losses"{other}']) + "\n", encoding="utf-8")
    assert other.count("1e308") > 10
    page = Page(write_report(entries, tmp_path / "report", title="x", pictures=0))
    assert {"table", "curves", "bytes"} <= {*page.sections}
