"""Every block of docs/training.md does what it says, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from programs import imported_by, old_webdataset, require, run_in, run_python

from helpers import ROOT, shards

HEAVY = {"torch", "torchvision", "open_clip_train", "megatron", "litdata", "wids"}
PAGE = (ROOT / "docs/training.md").read_text(encoding="utf-8")
CODE: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
"""The language and the text of each block."""


def blocks() -> list[object]:
    """The blocks in order, named by the heading above; those of programs that CI has not are marked."""
    found, numbers = [], dict[str, int]()
    for heading, language, code in re.findall(r"^## ([^\n]*)$|^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        if heading:
            section = heading
            continue
        numbers[section] = numbers.get(section, 0) + 1
        heavy = language == "console" or {name.partition(".")[0] for name in imported_by(code)} & HEAVY
        marks = [pytest.mark.trainers] if heavy else []
        found.append(pytest.param(language, code, id=f"{section}-{numbers[section]}", marks=marks))
    return found


def run_block(folder: Path, language: str, code: str) -> None:
    """Run a block as its reader would: Python as a program, a console's command in a shell."""
    if language == "python":
        run_python(folder, code)
        return
    assert language == "console"
    (command,) = re.findall(r"^\$ ((?:.*\\\n)*.*)$", code, re.MULTILINE)
    if "open_clip_train" in command:
        require("open_clip_train")
        run_in(folder, "bash", "-c", command, **old_webdataset())
    else:
        require("megatron")
        run_in(folder, "bash", "-c", command)


@pytest.mark.parametrize(("language", "code"), blocks())
def test_the_block_runs(training_folder: Path, language: str, code: str) -> None:
    run_block(training_folder, language, code)


def test_a_block_that_is_wrong_fails(training_folder: Path) -> None:
    block = next(code for language, code in CODE if language == "python" and "streaming" in code)
    for right, wrong in (("a photo of", "a drawing of"), ("OUT/224x224", "OUT/225x225")):
        assert right in block
        with pytest.raises(AssertionError, match="Error"):
            run_block(training_folder, "python", block.replace(right, wrong))


@pytest.mark.trainers
@pytest.mark.parametrize(("right", "wrong"), [("--field-map", "--field-mop"), ("OUT/224x224", "OUT/225x225")])
def test_a_command_that_is_wrong_fails(training_folder: Path, right: str, wrong: str) -> None:
    (command,) = (code for language, code in CODE if language == "console" and "energon" in code)
    with pytest.raises(AssertionError, match="Error"):
        run_block(training_folder, "console", command.replace(right, wrong))


def test_no_block_is_left_out_and_each_program_asserts_something() -> None:
    assert PAGE.count("\n```") == 2 * len(CODE) == 2 * len(blocks())
    assert all("assert " in code for language, code in CODE if language == "python")


def test_the_page_names_the_shards_that_the_tests_have(drawn_build: Path) -> None:
    assert f"{{000000..{len(shards(drawn_build, 'train')) - 1:06d}}}" in PAGE
    assert len(shards(drawn_build, "val")) == 1


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.*)$", PAGE, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]*)\)", PAGE))
    assert links
    assert links <= headings
