"""Pages: as committed, without torch, every placeholder answered, and honest about what was not recorded."""

import json
import os
import subprocess
import sys

import pytest

from experiments.declaration import RESULTS, Experiment, names
from experiments.page import render
from experiments.results import Results
from experiments.tables import made_with

WITH_PAGE = [name for name in names() if (RESULTS / name / "text.md").is_file()]
RENDER_ALL = """
import json, sys
from experiments.declaration import RESULTS, load
from experiments.page import render
pages = {name: render(RESULTS / name, load(name)) for name in sys.argv[1:]}
print(json.dumps([pages, sorted({"torch", "nnunetv2"} & set(sys.modules))]))
"""


@pytest.fixture(scope="module")
def rendered() -> tuple[dict[str, str], list[str]]:
    """(Text of every page, what was imported of torch and nnU-Net), from a process without nnU-Net's folders."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("nnUNet_")}
    command = [sys.executable, "-c", RENDER_ALL, *WITH_PAGE]
    done = subprocess.run(command, cwd=RESULTS.parent, env=env, capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout))


@pytest.mark.parametrize("name", WITH_PAGE)
def test_a_committed_page_is_what_its_tables_say(rendered, name):
    committed = (RESULTS / name / "README.md").read_text(encoding="utf-8")
    assert rendered[0][name] == committed, f"run: python -m experiments page {name}"


def test_pages_need_no_torch(rendered):
    assert rendered[1] == []


def test_every_folder_with_a_page_is_declared():
    assert {path.parent.name for path in RESULTS.glob("*/README.md")} == set(WITH_PAGE)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "text.md").write_text("{mean.value:.2f} over {n}. {made_with}.")
    (tmp_path / "cases.csv").write_text("name,seed,case,dice\n2D,0,a,0.5\n2D,0,b,0.7\nCSA,0,a,0.6\n")
    return tmp_path


class Mean:
    value = 0.6


QUESTIONS = {
    "mean": lambda results: Mean,
    "n": lambda results: len(results.table("cases.csv")),
    "made_with": made_with("cases.csv"),
    "unused": lambda results: 1 / 0,
}


def test_placeholders_are_what_the_questions_answer(folder):
    page = render(folder, Experiment(questions=QUESTIONS))
    assert page == "0.60 over 3. Versions and hardware were not recorded."


def test_a_placeholder_without_a_question_is_an_error_that_names_it(folder):
    questions = {name: answer for name, answer in QUESTIONS.items() if name != "mean"}
    with pytest.raises(
        ValueError, match=r"text.md has the placeholder \{mean\}.*accuracy.*made_with.*n, unused"
    ):
        render(folder, Experiment(questions=questions))


@pytest.mark.parametrize(("missing", "said"), [("text.md", "Write it"), ("cases.csv", "experiments run")])
def test_a_missing_file_is_an_error_that_names_it(folder, missing, said):
    (folder / missing).unlink()
    with pytest.raises(ValueError, match=f"{missing}.*{said}"):
        render(folder, Experiment(questions=QUESTIONS))


def test_runs_of_which_nothing_was_recorded_are_counted(folder):
    note = {"versions": "Python 3", "commit": "abc", "hardware": "2 x CPU"}
    (folder / "made_with.json").write_text(json.dumps({"CSA, 0": note}))
    results = Results(folder, Experiment(questions={}))
    assert results.made_with("cases.csv") == (
        "Versions and hardware were not recorded (1 of 2 runs). Python 3, commit abc. 2 x CPU (1 of 2 runs)"
    )
    (folder / "made_with.json").write_text(json.dumps({"cases.csv": note}))
    assert Results(folder, Experiment(questions={})).made_with("cases.csv") == "Python 3, commit abc. 2 x CPU"
