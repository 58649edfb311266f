"""The command `cost`: paired repeats, failures named, finished measurements reused, results never left behind."""

import csv
import io
import json
import shutil
from contextlib import redirect_stderr
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.cost import measure as cost
from nnunet_slice_attention.cost import measure_model
from nnunet_slice_attention.cost.measure import measure_costs
from nnunet_slice_attention.cost.model_cost import Measurement
from nnunet_slice_attention.model_name import ModelName
from tests.cost.made_up_costs import costs

STOCK, OURS = "nnUNetTrainer__nnUNetPlans__2d", "nnUNetTrainerSliceUNet__nnUNetPlans__2d"


@pytest.fixture(scope="module")
def measured(nnunet_folders, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("cost")
    argv = [
        "cost",
        "-d",
        str(tiny.id),
        "-o",
        str(out),
        "-device",
        "cpu",
        "--repeats",
        "1",
        "--iterations",
        "1",
    ]
    with redirect_stderr(io.StringIO()) as errors:
        assert main([*argv, "-m", STOCK, OURS, "nnUNetTrainerNobody__nnUNetPlans__2d"]) == 1
    return out, argv, errors.getvalue()


def test_nnunets_and_our_models_are_measured_and_the_same_network_has_the_same_cost(measured):
    with (measured[0] / "cost.csv").open() as file:
        stock, ours = csv.DictReader(file)
    assert stock["parameters"] == ours["parameters"]
    assert float(stock["gmac_per_slice"]) == pytest.approx(float(ours["gmac_per_slice"]), rel=1e-3)
    for name in ("step_s", "loaded_step_s", "memory_mb", "predict_s", "predict_tta_s"):
        assert float(stock[name]) > 0 and float(ours[name]) > 0
    assert float(stock["predict_tta_s"]) > float(stock["predict_s"])


def test_a_failed_model_is_named_with_its_last_lines_and_the_others_are_kept(measured):
    out, _, error = measured
    assert "FAILED nnUNetTrainerNobody__nnUNetPlans__2d, repeat 1" in error
    assert "nnUNetTrainerNobody" in error.splitlines()[-1]
    assert STOCK in (out / "cost.md").read_text()
    assert (out / "cost.png").is_file()


def measure_here(command, env, **_) -> SimpleNamespace:
    """Takes the place of a measurement's process, which imports nnU-Net for seconds."""
    task, out = map(Path, command[-2:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("nnUNet_results", env["nnUNet_results"])
        found = measure_model.measure(Measurement(**json.loads(task.read_text())))
    out.write_text(json.dumps(asdict(found)))
    return SimpleNamespace(returncode=0)


def test_a_finished_measurement_is_reused_and_repeated_for_other_settings(measured, monkeypatch):
    out, argv, _ = measured
    run = out / "runs" / f"{STOCK}_0.json"
    before = run.read_text()
    assert main([*argv, "-m", STOCK]) == 0
    assert run.read_text() == before
    here = SimpleNamespace(run=measure_here, PIPE=None, STDOUT=None)
    monkeypatch.setattr(cost, "subprocess", here)
    assert main([*argv, "-m", STOCK, "--cases", "0"]) == 0
    assert json.loads(run.read_text())["cost"]["predict_s"] is None


def test_no_earlier_table_is_left_behind_if_nothing_can_be_measured(
    nnunet_folders, tiny, tmp_path, monkeypatch, capsys
):
    (tmp_path / "runs").mkdir()
    results = [tmp_path / name for name in cost.RESULTS]
    for path in results:
        path.write_text("of an earlier call")
    argv = ["cost", "-d", str(tiny.id), "-o", str(tmp_path), "--repeats", "1", "--cases", "0"]
    argv += ["-m", STOCK, "-device"]
    monkeypatch.setattr(cost, "_run", lambda measurement, result, title: [f"{title} ended with status 1:"])
    assert main([*argv, "gpu"]) == 1
    error = capsys.readouterr().err
    assert "device 'gpu' is not available. Use -device cpu" in error and "Traceback" not in error
    assert all(path.is_file() for path in results)  # nothing was begun
    assert main([*argv, "cpu", "-m", STOCK]) == 1  # given twice, measured once
    printed = capsys.readouterr()
    assert f"FAILED {STOCK}, repeat 1" in printed.err and "Wrote" not in printed.out
    assert not any(path.exists() for path in results)


def test_an_output_that_is_a_file_is_named_before_anything_is_measured(nnunet_folders, tiny, capsys):
    assert main(["cost", "-d", str(tiny.id), "-m", STOCK, "-device", "cpu", "-o", __file__]) == 1
    assert f"{__file__} is not a folder that you can write to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("nnUNetPlans.json", "nnUNetv2_plan_and_preprocess -d 701 -c 2d 3d_fullres"),
        ("dataset.json", "nnUNetv2_plan_and_preprocess -d 701 -c 2d 3d_fullres"),
        ("nnUNetPlans_2d", "nnUNetv2_preprocess -d 701 -plans_name nnUNetPlans -c 2d"),
    ],
)
def test_what_is_not_planned_or_preprocessed_is_named_once_with_the_command(
    missing, command, nnunet_folders, tiny, tmp_path, monkeypatch, capsys
):
    planned, files = nnunet_folders / "preprocessed" / tiny.folder, {"nnUNetPlans.json", "dataset.json"}
    folder = tmp_path / "preprocessed" / tiny.folder
    folder.mkdir(parents=True)
    for name in files - {missing}:
        shutil.copy(planned / name, folder)
    monkeypatch.setenv("nnUNet_preprocessed", str(folder.parent))
    argv = ["cost", "-d", str(tiny.id), "-m", STOCK, OURS, "-device", "cpu", "-o", str(tmp_path / "out")]
    assert main(argv) == 1
    error = capsys.readouterr().err
    assert f"{folder / missing} does not exist" in error and error.rstrip().endswith(command)
    assert error.count("does not exist") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("nothing", [{"repeats": 0}, {"iterations": 0}])
def test_nothing_to_measure_is_an_error(tmp_path, nothing):
    with pytest.raises(ValueError, match="both must be at least 1"):
        measure_costs("1", [STOCK], tmp_path, **nothing)


def test_measurements_are_repeated_for_other_plans_another_commit_setting_or_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(cost, "nnUNet_preprocessed", str(tmp_path))
    monkeypatch.setattr(cost, "maybe_convert_to_dataset_name", str)
    measurement = Measurement("Dataset001_X", *ModelName.parse(STOCK), "cpu", 1, 0)
    plans = tmp_path / "Dataset001_X" / "nnUNetPlans.json"
    plans.parent.mkdir()
    keys = []
    for content, commit in (("{}", "a"), ("{ }", "a"), ("{ }", "b")):
        plans.write_text(content)
        monkeypatch.setattr(cost, "commit", lambda commit=commit: commit)
        keys.append(cost._key(measurement))
    assert keys[0] != keys[1] != keys[2]
    assert keys[2] == cost._key(measurement)
    for variable in ("nnUNet_compile", "nnUNet_n_proc_DA", "OMP_NUM_THREADS"):
        with monkeypatch.context() as patch:
            patch.setenv(variable, "other")
            assert keys[2] != cost._key(measurement)
    result = tmp_path / "measured.json"
    result.write_text(json.dumps(keys[2] | {"cost": asdict(costs({0: 1.0})[0])}))
    assert cost._kept(measurement, result).step_s == 1
    monkeypatch.setattr(cost, "hardware", lambda: "another machine")
    assert cost._kept(measurement, result) is None


def test_a_name_without_three_parts_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="'nnUNetTrainerCSANet' is not TRAINER__PLANS__CONFIGURATION"):
        measure_costs("1", ["nnUNetTrainerCSANet"], tmp_path)
