"""The program: what it lists, what it leaves alone, what it says of mistakes."""

import re
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.declaration import RESULTS, names
from nnunet_slice_attention.trainers.two_d_first import TWO_D_SHARE


def state(*folders: Path) -> dict[str, int]:
    return {
        str(p): p.stat().st_mtime_ns for f in folders for p in f.rglob("*") if "__pycache__" not in str(p)
    }


@pytest.fixture
def nowhere(tmp_path, monkeypatch) -> Path:
    for kind in ("raw", "preprocessed", "results"):
        monkeypatch.delenv(f"nnUNet_{kind}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("flags", [[], ["--again"]], ids=["what is left", "all"])
@pytest.mark.parametrize("name", names())
def test_a_dry_run_lists_the_jobs_and_writes_nothing(name, flags, nowhere, capsys):
    before = state(RESULTS / name)
    assert main(["run", name, "--dry-run", *flags]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed and all(line.endswith((": to do", ": done")) for line in listed)
    assert not flags or all(line.endswith(": to do") for line in listed)
    assert state(RESULTS / name, nowhere) == before


def test_what_the_tables_have_is_not_run_again(nowhere, capsys):
    main(["run", "acdc40", "--dry-run", "--only", "CSA"])
    assert capsys.readouterr().out.splitlines() == ["CSA_d27_f0_s0_10x250: done"]


def test_a_model_that_a_prediction_needs_is_trained_again(nowhere, capsys):
    main(["run", "agreement", "--dry-run", "--again"])
    listed = capsys.readouterr().out
    assert "CSA_d27_f0_s0_10x250: to do\n" in listed and "agreement: CSA_d27_f0_s0_10x250: to do\n" in listed


def test_a_page_may_be_printed_only(nowhere, capsys):
    before = state(RESULTS / "phantom")
    assert main(["page", "phantom", "--dry-run"]) == 0
    assert capsys.readouterr().out.strip() == (RESULTS / "phantom" / "README.md").read_text().strip()
    assert state(RESULTS / "phantom") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["page", "phanthom"], "phanthom.*Declare it, or name one of: acdc40,"),
        (["page", "gpu"], "text.md. Write it"),
        (["run", "phantom", "--jobs", "0"], "--jobs.* from 1 on"),
        (["run", "phantom"], "nnUNet_results is not set"),
        (["collect", "phantom"], "nnUNet_results is not set"),
    ],
)
def test_a_mistake_is_one_line(arguments, said, nowhere, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert re.search(said, error)


def test_the_share_of_2d_epochs_is_the_trainers():
    from benchmark_results.equal_time.questions import SHARE_OF_2D

    assert TWO_D_SHARE[0] / TWO_D_SHARE[1] == SHARE_OF_2D
