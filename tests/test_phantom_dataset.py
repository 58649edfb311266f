"""The phantom's data set is reproducible, accepted by nnU-Net, and written completely or not at all."""

import json

import pytest
import SimpleITK

from nnunet_slice_attention.phantom_dataset import write_phantom

SMALL = {"cases": 2, "test_cases": 1, "shape": (3, 96, 100)}


def test_same_seed_same_bytes_and_other_seed_other_images(tmp_path):
    first, again, other = (
        write_phantom(tmp_path / str(i), seed=seed, **SMALL) for i, seed in enumerate((3, 3, 4))
    )
    files = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert len(files) == 2 * (2 + 1) + 1
    for file in files:
        assert (first / file).read_bytes() == (again / file).read_bytes(), file
        assert (first / file).read_bytes() != (other / file).read_bytes(), file


def test_more_cases_do_not_change_the_others(tmp_path):
    few = write_phantom(tmp_path / "few", **SMALL)
    many = write_phantom(tmp_path / "many", **{**SMALL, "cases": 3, "test_cases": 2})
    for file in few.rglob("*.nii.gz"):
        assert file.read_bytes() == (many / file.relative_to(few)).read_bytes()


def test_nnunet_accepts_the_data_set(tmp_path):
    from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

    folder = write_phantom(tmp_path, 998, "Discs", **SMALL)
    assert folder == tmp_path / "Dataset998_Discs"
    assert [p.name for p in tmp_path.iterdir()] == [folder.name], "temporary folders left behind"
    verify_dataset_integrity(str(folder), num_processes=1)
    assert json.loads((folder / "dataset.json").read_text())["labels"] == {
        "background": 0,
        "vessel": 1,
        "nodule": 2,
    }
    for split, cases in (("Tr", 2), ("Ts", 1)):
        assert len(list((folder / f"images{split}").iterdir())) == cases
        assert len(list((folder / f"labels{split}").iterdir())) == cases


def test_slices_are_the_first_array_axis_and_the_thick_one(tmp_path):
    folder = write_phantom(tmp_path, spacing_mm=(6, 0.7, 0.8), **SMALL)
    for path in folder.rglob("*.nii.gz"):
        image = SimpleITK.ReadImage(path)
        assert image.GetSize() == (100, 96, 3)
        assert image.GetSpacing() == pytest.approx((0.8, 0.7, 6))


def test_a_raw_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "raw").write_text("mine")
    with pytest.raises(ValueError, match="raw is not a folder that you can write to"):
        write_phantom(tmp_path / "raw", **SMALL)


@pytest.mark.parametrize("existing", ["Dataset999_SlicePhantom", "Dataset999_Other"])
def test_an_id_in_use_is_an_error_and_the_data_set_is_kept(tmp_path, existing):
    (tmp_path / existing).mkdir()
    with pytest.raises(FileExistsError, match=f"{existing} already uses dataset id 999"):
        write_phantom(tmp_path, **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == [existing]


def test_a_failure_leaves_no_files(tmp_path, monkeypatch):
    def full_disk(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(SimpleITK, "WriteImage", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_phantom(tmp_path, **SMALL)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"shape": (2, 96, 96)}, "2 slices.*at least 3"),
        ({"shape": (12, 40, 40)}, "room for 0 cells.*96 x 96"),
        ({"shape": (96, 96)}, r"\(slices, height, width\)"),
        ({"cases": 0}, "cases must be at least 1, got 0"),
        ({"test_cases": -1}, "test_cases must be 0 or more, got -1"),
        ({"dataset_id": 1000}, "from 1 to 999, got 1000"),
        ({"name": "a/b"}, "'a/b'"),
        ({"spacing_mm": (0.8, 0.8, 5.0)}, r"largest.*\(0.8, 0.8, 5.0\)"),
        ({"spacing_mm": (5.0, 0.8)}, r"three lengths.*\(5.0, 0.8\)"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
    ],
)
def test_invalid_arguments_are_named_and_nothing_is_written(tmp_path, argument, message):
    with pytest.raises(ValueError, match=message):
        write_phantom(tmp_path, **{**SMALL, **argument})
    assert not list(tmp_path.iterdir())
