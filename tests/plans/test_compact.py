"""Compact plans: smaller networks on the same preprocessed data, and which files they replace."""

import shutil

import pytest

from nnunet_slice_attention.plans.compact import (
    compact_configuration,
    compact_plans,
    write_compact_plans,
)


@pytest.fixture
def preprocessed(tiny, nnunet_folders, tmp_path, monkeypatch):
    """A copy of the data set's descriptions, which the test may change."""
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path))
    (tmp_path / tiny.folder).mkdir()
    for path in (nnunet_folders / "preprocessed" / tiny.folder).glob("*.json"):
        shutil.copy(path, tmp_path / tiny.folder)
    return tmp_path / tiny.folder


def configuration(patch, features, strides, batch, decoder=2):
    n = len(features)
    arch = {
        "n_stages": n,
        "features_per_stage": features,
        "kernel_sizes": [[3] * len(patch)] * n,
        "strides": strides,
        "n_conv_per_stage": [2] * n,
        "n_conv_per_stage_decoder": [decoder] * (n - 1),
    }
    return {
        "patch_size": patch,
        "batch_size": batch,
        "architecture": {"arch_kwargs": arch},
        "data_identifier": "kept",
    }


def test_2d_has_half_the_width_a_smaller_patch_and_only_stages_that_can_be_pooled():
    stock = configuration([512, 512], [32, 64, 128, 256, 512, 512, 512, 512], [[1, 1]] + [[2, 2]] * 7, 12)
    compact = compact_configuration(stock)
    arch = compact["architecture"]["arch_kwargs"]
    assert compact["patch_size"] == [128, 128]
    assert compact["batch_size"] == 6
    assert arch["features_per_stage"] == [16, 32, 64, 128, 256, 256]
    assert arch["n_stages"] == len(arch["strides"]) == len(arch["kernel_sizes"]) == 6
    assert len(arch["n_conv_per_stage_decoder"]) == 5
    assert compact["data_identifier"] == "kept"
    assert stock["patch_size"] == [512, 512]


def test_max_features_limits_the_widest_stages():
    stock = configuration([512, 512], [32, 64, 128, 256, 512, 512, 512, 512], [[1, 1]] + [[2, 2]] * 7, 12)
    arch = compact_configuration(stock, max_features=64)["architecture"]["arch_kwargs"]
    assert arch["features_per_stage"] == [16, 32, 64, 64, 64, 64]


def test_max_convs_limits_the_convolutions_per_stage():
    stock = configuration([64, 64], [32, 64, 128], [[1, 1]] + [[2, 2]] * 2, 12)
    arch = compact_configuration(stock, max_convs=1)["architecture"]["arch_kwargs"]
    assert arch["n_conv_per_stage"] == [1, 1, 1] and arch["n_conv_per_stage_decoder"] == [1, 1]
    assert compact_configuration(stock)["architecture"]["arch_kwargs"]["n_conv_per_stage"] == [2, 2, 2]


def test_3d_keeps_its_depth():
    strides = [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2], [1, 2, 2]]
    compact = compact_configuration(configuration([8, 256, 192], [32, 64, 128, 256, 320], strides, 9))
    assert (compact["patch_size"], compact["batch_size"]) == ([8, 128, 128], 2)
    assert compact["architecture"]["arch_kwargs"]["n_stages"] == 5


def test_small_patches_get_a_larger_batch_but_not_larger_than_planned():
    strides = [[1, 1]] + [[2, 2]] * 3
    assert (
        compact_configuration(configuration([56, 40], [32, 64, 128, 256], strides, 366))["batch_size"] == 44
    )
    assert compact_configuration(configuration([56, 40], [32, 64, 128, 256], strides, 9))["batch_size"] == 9
    assert (
        compact_configuration(configuration([56, 40], [32, 64, 128, 256], strides, 366), 5)["batch_size"] == 5
    )


def test_the_error_for_an_unplanned_data_set_gives_the_command(tiny, nnunet_folders):
    again = f"Give one of those, or run nnunet-slice-attention plan-compact -d {tiny.id} -o nnUNetMissing"
    with pytest.raises(FileNotFoundError, match=rf"not exist; existing plans: .*nnUNetPlans.* {again}"):
        write_compact_plans(tiny.folder, "nnUNetMissing")


def test_the_written_plans_use_the_same_preprocessed_data(tiny, nnunet_folders):
    from batchgenerators.utilities.file_and_folder_operations import load_json
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    path = write_compact_plans(tiny.id)
    assert path.name == "nnUNetCompactPlans.json" and not list(path.parent.glob("*.partial"))
    manager = PlansManager(load_json(str(path)))
    assert manager.plans_name == "nnUNetCompactPlans"
    for name in ("2d", "3d_fullres"):
        assert (path.parent / manager.get_configuration(name).data_identifier).is_dir()


def test_overwriting_the_input_plans_is_an_error(tiny, nnunet_folders):
    with pytest.raises(ValueError, match="would overwrite the input plans"):
        write_compact_plans(tiny.id, "nnUNetPlans", "nnUNetPlans")


def test_input_plans_with_another_name_for_the_same_file_are_kept(tiny, preprocessed):
    """A link has the effect of a file system that ignores case."""
    write_compact_plans(tiny.id, out_name="Compact")
    (preprocessed / "compact.json").symlink_to("Compact.json")
    with pytest.raises(ValueError, match="-o compact would overwrite the input plans"):
        write_compact_plans(tiny.id, "Compact", "compact")


@pytest.mark.parametrize("name", ["dataset", "splits_final", "dataset_fingerprint", "Own", "Damaged"])
def test_a_file_that_is_not_of_compact_plans_is_kept(tiny, preprocessed, name):
    file = preprocessed / f"{name}.json"
    made = {"Own": '{"plans_name": "Own"}', "Damaged": '{"slice_attention_made_from', "splits_final": "[]"}
    if name in made:
        file.write_text(made[name])
    before = file.read_bytes()
    with pytest.raises(
        ValueError, match=rf"would overwrite .*{name}.json, which plan-compact has not written"
    ):
        write_compact_plans(tiny.id, out_name=name)
    assert file.read_bytes() == before


def test_compact_plans_can_be_made_again(tiny, preprocessed):
    written = [write_compact_plans(tiny.id, out_name="Again", max_in_plane=n).read_text() for n in (64, 32)]
    assert written[0] != written[1]


@pytest.mark.parametrize(
    "name", ["", "a/b", "../Plans", "a\\b", "C:Plans", "Two__Parts", "_Plans", "Plans_", ".Plans"]
)
def test_a_name_that_cannot_be_of_plans_is_an_error(tiny, nnunet_folders, name):
    with pytest.raises(ValueError, match="cannot be the name of plans: it may not contain '__'"):
        write_compact_plans(tiny.id, out_name=name)


@pytest.mark.parametrize("name", ["2d", "3d_fullres"])
def test_a_batch_size_below_two_is_an_error(tiny, nnunet_folders, name):
    with pytest.raises(ValueError, match=f"batch size 1 of {name} is too small"):
        write_compact_plans(tiny.id, batch_sizes={name: 1})


def test_a_batch_size_applies_to_its_configuration_only(tiny, nnunet_folders):
    from batchgenerators.utilities.file_and_folder_operations import load_json

    plans = load_json(str(write_compact_plans(tiny.id)))
    for name in ("2d", "3d_fullres"):
        plans["configurations"][name]["batch_size"] = 40
    fitted, with_2d, with_3d = (
        {name: c["batch_size"] for name, c in compact_plans(plans, "Sized", sizes)["configurations"].items()}
        for sizes in ({}, {"2d": 3}, {"3d_fullres": 5, "2d": None})
    )
    assert (with_2d["2d"], with_3d["3d_fullres"]) == (3, 5)
    assert (with_2d["3d_fullres"], with_3d["2d"]) == (fitted["3d_fullres"], fitted["2d"])
    assert not {3, 5} & set(fitted.values())


def test_a_stage_without_convolutions_is_an_error(tiny, nnunet_folders):
    with pytest.raises(ValueError, match="0 convolutions per stage are too few"):
        write_compact_plans(tiny.id, max_convs=0)


@pytest.mark.parametrize("features", [0, 16, 40])
def test_a_width_that_heads_do_not_divide_is_an_error(tiny, nnunet_folders, features):
    with pytest.raises(ValueError, match=f"{features} features are too few"):
        write_compact_plans(tiny.id, max_features=features)
