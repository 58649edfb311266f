"""Which files form a case, and that results overwrite nothing but predictions."""

from pathlib import Path

import pytest

from nnunet_slice_attention.inference.find_cases import find_cases


def folder_with(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"here before")
    return folder


def test_every_image_of_a_folder_is_a_case_or_has_a_problem(tmp_path):
    images = folder_with(
        tmp_path / "images",
        "a_0000.nii.gz", "a_0001.nii.gz", "b.nii.gz", "c_0001.nii.gz", "x.nii_0000.nii.gz", "x_0000.nii.gz",
        "y.HDR_0000.nii.gz", "q_0000.nii", "r_0000.NII.GZ", "u.nii", "s_0000.mha", "t_0000.png",
        "notes.txt", "preview.png", ".hidden_0000.nii.gz", "a.seg.nrrd",
    )  # fmt: skip
    cases = find_cases([images], tmp_path / "out", ".nii.gz")
    found = {case.images[0].name: case for case in cases}
    assert set(found) == {path.name for path in images.iterdir()} - {
        "a_0001.nii.gz",
        "notes.txt",
        "preview.png",
        ".hidden_0000.nii.gz",
        "a.seg.nrrd",
    }
    assert {name for name, case in found.items() if not case.problem} == {"a_0000.nii.gz", "x_0000.nii.gz"}
    assert [path.name for path in found["a_0000.nii.gz"].images] == ["a_0000.nii.gz", "a_0001.nii.gz"]
    for name in ("q_0000.nii", "r_0000.NII.GZ", "u.nii", "s_0000.mha", "t_0000.png"):
        assert found[name].problem == "the model's images are .nii.gz files. Rename or convert it"
    for name in ("x.nii_0000.nii.gz", "y.HDR_0000.nii.gz"):
        assert "under another name. Rename the case" in found[name].problem
    assert "the channels are not numbered from _0000.nii.gz on" in found["c_0001.nii.gz"].problem


def test_the_error_for_another_format_names_a_file(tmp_path):
    images = folder_with(tmp_path / "images", "q_0000.nii")
    with pytest.raises(FileNotFoundError, match=r"no .nii.gz files.*but q_0000.nii"):
        find_cases([images], tmp_path / "out", ".nii.gz")


@pytest.mark.parametrize(
    ("given", "output", "written"),
    [
        ("scan.nii", "out", "out/scan.nii.gz"),
        ("scan_0000.NII.GZ", "out", "out/scan.nii.gz"),
        ("scan.mha", "seg.nii", "seg.nii"),
        ("scan.nii.gz", "new/seg.mha", "new/seg.mha"),
        ("scan.nii.gz", "new.v2", "new.v2/scan.nii.gz"),
    ],
)
def test_one_case_is_written_to_the_given_file_or_folder(given, output, written, tmp_path):
    folder_with(tmp_path / "images", given)
    (case,) = find_cases([tmp_path / "images" / given], tmp_path / output, ".nii.gz")
    assert case.output == tmp_path / written and not case.problem
    assert case.output.name == Path(case.stem).name + case.ending


def test_several_cases_are_not_written_to_one_file(tmp_path):
    images = folder_with(tmp_path / "images", "a_0000.nii.gz")
    with pytest.raises(ValueError, match=r"-o seg.nii is a file name, but .*images is a folder of cases"):
        find_cases([images], tmp_path / "seg.nii", ".nii.gz")


@pytest.mark.parametrize(
    ("images", "output", "there"),
    [
        ("scan.nii", ".", "scan.nii.gz"),  # the user's own, not this call's image
        ("scan.nii", ".", "scan.npz"),
        ("scan_0000.nii.gz", ".", "scan.nii.gz"),
        ("scan_0000.nii.gz", "seg.nii.gz", "dataset.json"),
        ("scan_0000.nii.gz", "seg.nii.gz", "seg.pkl"),
        ("imagesTr", "labelsTr", "labelsTr/case_0.nii.gz"),
        ("imagesTr", "labelsTr", "labelsTr/plans.json"),
        ("imagesTr", ".", "dataset.json"),
    ],
)
def test_only_predictions_are_overwritten(images, output, there, tmp_path):
    folder_with(tmp_path / "imagesTr", "case_0_0000.nii.gz")
    folder_with(tmp_path / "labelsTr")
    folder_with(tmp_path, "scan.nii", "scan_0000.nii.gz", there)
    with pytest.raises(ValueError, match=rf"{there} has the name of a result\..*Give another folder with -o"):
        find_cases([tmp_path / images], tmp_path / output, ".nii.gz")
    assert (tmp_path / there).read_bytes() == b"here before"


def test_missing_cases_of_a_ground_truth_are_not_filled_in(tmp_path):
    images = folder_with(tmp_path / "imagesTr", "case_0_0000.nii.gz", "case_1_0000.nii.gz")
    labels = folder_with(tmp_path / "labelsTr", "case_1.nii.gz")
    with pytest.raises(ValueError, match=r"case_1\.nii\.gz has the name of a result\."):
        find_cases([images], labels, ".nii.gz")


@pytest.mark.parametrize(
    ("given", "output", "there"),
    [
        ("scans", "scans", ["scan.nii.gz"]),
        ("scans", "scans", ["scan_0000.nii.gz", "scan.nii.gz"]),  # the second as written by an earlier call
        ("scans/scan.nii.gz", "scans", ["scan.nii.gz"]),
        ("scans/scan.nii.gz", "scans/scan.nii.gz", ["scan.nii.gz"]),
        ("scans/scan_0000.nii.gz", "scans/scan_0000.nii.gz", ["scan_0000.nii.gz"]),
    ],
)
def test_no_image_is_overwritten(given, output, there, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder_with(Path("scans"), *there)
    with pytest.raises(
        ValueError, match=r"would overwrite the input image .*scan.*Give another folder with -o"
    ):
        find_cases([Path(given)], Path(output), ".nii.gz")
    folder_with(Path("scans"), "predict_from_raw_data_args.json")  # nor where predictions are overwritten
    with pytest.raises(ValueError, match="would overwrite the input image"):
        find_cases([Path(given)], Path(output), ".nii.gz")


def test_a_prediction_is_overwritten_unless_it_is_in_the_image_folder(tmp_path):
    images = folder_with(tmp_path / "images", "a_0000.nii.gz")
    results = "a.nii.gz", "a.npz", "dataset.json", "plans.json", "predict_from_raw_data_args.json"
    out = folder_with(tmp_path / "out", *results)
    assert find_cases([images], out, ".nii.gz")
    folder_with(images, "predict_from_raw_data_args.json", "a.npz")
    with pytest.raises(ValueError, match=r"a.npz has the name of a result. It is in the image folder"):
        find_cases([images], images, ".nii.gz")


def test_an_explicitly_named_file_is_overwritten(tmp_path):
    folder_with(tmp_path, "a_0000.nii.gz", "seg.nii.gz")
    assert find_cases([tmp_path / "a_0000.nii.gz"], tmp_path / "seg.nii.gz", ".nii.gz")


def test_results_are_not_written_to_the_image_folder(tmp_path):
    images = folder_with(tmp_path / "images", "a_0000.nii.gz")
    with pytest.raises(ValueError, match=r"images is the image folder"):
        find_cases([images], images, ".nii.gz")


def test_channels_are_grouped_in_any_format(tmp_path):
    images = folder_with(tmp_path / "images", "a_0000.npy", "a_0001.npy", "b_0000.npy", "b_0001.npy")
    cases = find_cases([images], tmp_path / "out", ".npy")
    assert [(len(case.images), case.output.name, case.problem) for case in cases] == [
        (2, "a.npy", ""),
        (2, "b.npy", ""),
    ]
    (case,) = find_cases([images / "a_0000.npy", images / "a_0001.npy"], tmp_path / "out", ".npy")
    assert case.output.name == "a.npy"


def test_the_spacing_file_of_a_tiff_result_is_not_overwritten(tmp_path):
    images = folder_with(tmp_path / "images", "a_0000.tif")
    out = folder_with(tmp_path / "out", "a.json")
    with pytest.raises(ValueError, match="a.json has the name of a result"):
        find_cases([images], out, ".tif")


def test_files_numbered_otherwise_than_channels_are_cases_of_their_own(tmp_path):
    """Predicted one after the other, they would else replace each other's result."""
    images = [tmp_path / f"volume_{number}.nii.gz" for number in ("0000", "0001", "2021")]
    for image in images:
        image.touch()
    outputs = [find_cases([image], tmp_path / "out", ".nii.gz")[0].output.name for image in images]
    assert outputs == ["volume.nii.gz", "volume_0001.nii.gz", "volume_2021.nii.gz"]


@pytest.mark.parametrize("output", ["out", "seg.nii.gz"])
def test_files_of_one_case_must_be_numbered_from_0000_on(output, tmp_path):
    images = {number: tmp_path / f"a_000{number}.nii.gz" for number in range(3)}
    for image in images.values():
        image.touch()

    def problem(*numbers):
        (case,) = find_cases([images[number] for number in numbers], tmp_path / output, ".nii.gz")
        return case.problem

    assert "a_0001.nii.gz, a_0002.nii.gz: the channels are not numbered from _0000.nii.gz on" in problem(1, 2)
    assert "not numbered" in problem(0, 2)
    assert not problem(0, 1) and not problem(0)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("a_0000.nii.gz b_0001.nii.gz", "a_0000.nii.gz and b_0001.nii.gz are of different cases"),
        (
            "a_0000.nii.gz a_0001.nii.gz b_0002.nii.gz",
            "a_0000.nii.gz and b_0002.nii.gz are of different cases",
        ),
        ("a_0000.nii.gz b_0000.nii.gz", "a_0000.nii.gz and b_0000.nii.gz are of different cases"),
        ("a_0000.nii.gz b.nii.gz", "a_0000.nii.gz and b.nii.gz are of different cases"),
        ("a.nii.gz b_0001.nii.gz", "a.nii.gz and b_0001.nii.gz are of different cases"),
        (
            "a.nii.gz a_0001.nii.gz",
            "a.nii.gz, a_0001.nii.gz: the channels are not numbered from _0000.nii.gz on",
        ),
        ("a_0000.nii.gz a_0000.nii.gz", "a_0000.nii.gz is given twice"),
        ("t2.mha t2.mha", "t2.mha is given twice"),
        ("t2.mha adc.mha", ""),
        ("a_0000.nii.gz a_0001.nii.gz", ""),
    ],
)
@pytest.mark.parametrize("output", ["out", "seg.nii.gz"])
def test_files_of_different_cases_are_not_one_case(given, problem, output, tmp_path):
    images = [tmp_path / name for name in given.split()]
    for image in images:
        image.touch()
    (case,) = find_cases(images, tmp_path / output, ".nii.gz")
    assert case.problem.startswith(problem) and bool(case.problem) == bool(problem)
