"""The documentation site builds without a warning, and every page of docs/ is in its navigation."""

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def navigation(entry) -> set[str]:
    if isinstance(entry, str):
        return {entry}
    values = entry.values() if isinstance(entry, dict) else entry
    return set().union(*map(navigation, values))


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = navigation(yaml.safe_load(text)["nav"])
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*/*.md")}
    assert pages <= listed
    assert {page for page in listed if not (ROOT / page).is_file()} == {"docs/reference/api.md"}


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "site.py", tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 1 and f"{tmp_path} is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_it_builds_without_a_warning(tmp_path):
    for command in (
        [sys.executable, ROOT / "docs" / "site.py", tmp_path / "source"],
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "-f",
            tmp_path / "mkdocs.yml",
            "-d",
            tmp_path / "site",
        ],
    ):
        if command[2] == "mkdocs":
            text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
            (tmp_path / "mkdocs.yml").write_text(
                text.replace("build/site_source", "source"), encoding="utf-8"
            )
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    api = (tmp_path / "site" / "docs" / "reference" / "api.html").read_text(encoding="utf-8")
    assert "nnunet_slice_attention.compare" in api and "tolerance_mm" in api
    assert (tmp_path / "site" / "benchmark_results" / "index.html").is_file()
