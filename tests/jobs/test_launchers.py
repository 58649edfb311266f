"""Another scheduler is one file and one row; `jobs/` itself knows nothing of nnU-Net or of cross-validation."""

import re
from pathlib import Path

import pytest

from nnunet_slice_attention import cli, jobs
from nnunet_slice_attention.crossval import train_compare_predict
from nnunet_slice_attention.jobs.launchers import LAUNCHERS

COMMAND = "crossval -d 1 -m nnUNetTrainer__nnUNetPlans__2d -f 0 -o {out}".split()


class GridLauncher:
    title = "on a grid"

    @staticmethod
    def add_options(group):
        group.add_argument("--queue", default="short")

    def __init__(self, options, name, gpus, folder):
        self.settings = (options.queue, name, gpus, folder)

    def __call__(self, jobs):
        return [f"{job} on {self.settings}" for job in jobs]


def test_a_row_of_the_table_makes_a_launcher_available(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(LAUNCHERS, "grid", GridLauncher)
    monkeypatch.setattr(train_compare_predict, "cross_validate", lambda plan, launch: launch(["job"]))
    command = [part.format(out=tmp_path) for part in COMMAND]
    assert cli.main([*command, "--launcher", "grid", "--queue", "long", "-num_gpus", "2"]) == 1
    assert f"FAILED job on ('long', 'crossval', 2, {tmp_path!r})" in capsys.readouterr().err
    assert cli.main([*command, "--launcher", "grid", "-device", "cpu"]) == 1
    assert f"FAILED job on ('short', 'crossval', 0, {tmp_path!r})" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--jobs", "0", "-device", "cpu"], "--jobs 0 is not 1 or more"),
        (["-num_gpus", "0"], "-num_gpus 0 is too few"),
        (["--launcher", "slurm"], "no sbatch here. Call this on a login node"),
        (["--launcher", "slurm", "--sbatch", "qos"], "--sbatch 'qos' is not NAME=VALUE, e.g. account=abc"),
    ],
)
def test_options_are_checked_before_anything_starts(flags, message, tmp_path, monkeypatch, capsys):
    has_sbatch = "--sbatch" in flags
    monkeypatch.setattr("shutil.which", lambda program: program if has_sbatch else None)
    monkeypatch.setattr(train_compare_predict, "cross_validate", lambda *_: pytest.fail("started"))
    assert cli.main([part.format(out=tmp_path) for part in COMMAND] + flags) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(Path(jobs.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_jobs_name_no_file_or_flag_of_their_callers(path):
    source = re.sub("nnunet_slice_attention", "", path.read_text(encoding="utf-8"), flags=re.IGNORECASE)
    assert not re.findall(
        r"nn-?u-?net|crossval|checkpoint_\w+|-num_gpus|-device|training", source, re.IGNORECASE
    )
