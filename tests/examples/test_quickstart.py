"""The quickstart: its commands are ones that there are, what is finished is skipped, and failures are named."""

import os

import pytest

from examples.quickstart import commands, environment, run_all, summary
from nnunet_slice_attention import shim
from nnunet_slice_attention.cli import build_parser

TRAINERS = {"2D": "nnUNetTrainer_5epochs", "CSA-Net": "nnUNetTrainerCSANet_5epochs"}


def test_its_commands_are_accepted_and_end_with_the_report():
    steps = commands(TRAINERS, "cpu")
    ours = [command.split()[1:] for command, _ in steps if command.startswith("nnunet-slice-attention")]
    assert [build_parser().parse_args(words).command for words in ours] == [
        "phantom",
        "plan-compact",
        "compare",
    ]
    assert steps[-1][1] == "report/report.html"


def test_in_an_editable_install_its_trainers_come_before_those_of_other_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: shim.__spec__ if name == shim.__name__ else None
    )
    (ours,), others = shim.__path__, ["/outdated", "/my trainers"]
    for exported in ([], others, [*others, ours]):
        monkeypatch.setenv("nnUNet_extTrainer", os.pathsep.join(exported))
        used = environment(tmp_path)["nnUNet_extTrainer"].split(os.pathsep)
        assert used == [ours, *(others if exported else [])]


def test_finished_steps_are_skipped_and_a_failure_is_named(tmp_path, capfd):
    steps = [("mkdir one", "one"), ("rmdir nowhere", "two")]
    for _ in range(2):
        with pytest.raises(SystemExit, match=r"Step 2 of 2 failed \(exit status 1\):\n    rmdir nowhere"):
            run_all(steps, tmp_path, dict(os.environ))
    assert capfd.readouterr().out.count("skipped, done before: one") == 1
    with pytest.raises(SystemExit, match=r"Step 1 of 1 failed \(did not write .*three\)"):
        run_all([("mkdir two", "three")], tmp_path, dict(os.environ))


def test_what_follows_a_step_that_is_done_again_is_done_again_too(tmp_path, capfd):
    steps = [(f"mkdir -p {name}", name) for name in ("models", "predictions", "report")]
    for _ in range(2):
        run_all(steps, tmp_path, dict(os.environ))
        (tmp_path / "predictions").rmdir()
    capfd.readouterr()
    run_all(steps, tmp_path, dict(os.environ))
    assert capfd.readouterr().out.count("skipped, done before") == 1


def test_the_summary_is_the_verdicts_and_the_first_table():
    report = "# T\n\n- a is better.\n\n## Accuracy\n\nNote.\n\n| a |\n| - |\n\n## Differences\n\nMore."
    assert summary(report) == "# T\n\n- a is better.\n\n## Accuracy\n\nNote.\n\n| a |\n| - |"
