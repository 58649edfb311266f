"""Ensembles of trained models: which files are averaged, and when again."""

import numpy as np

from nnunet_slice_attention.cli import main
from tests.comparison.trained_models import compare_argv
from tests.tiny_data import read, write
from tests.tiny_models import OURS, STOCK


def test_files_of_an_ensemble_of_other_models_are_not_reused(trained, tiny, tmp_path):
    folder = tmp_path / "ensembles" / f"{STOCK}___{OURS}"
    folder.mkdir(parents=True)
    case = sorted((trained / OURS / "fold_0" / "validation").glob("*.nii.gz"))[0].name
    (folder / "made_from.json").write_text("[]")
    for name in (case, "case_77.nii.gz"):
        write(np.zeros((2, 3, 3), np.uint8), folder / name)
    assert main(compare_argv(tiny, tmp_path)) == 0
    assert not (folder / "case_77.nii.gz").exists()
    assert read(folder / case).shape == read(trained / OURS / "fold_0" / "validation" / case).shape


def test_probabilities_of_other_cases_are_not_part_of_an_ensemble(trained, tiny, tmp_path):
    validation = trained / OURS / "fold_0" / "validation"
    source = next(validation.glob("*.npz"))
    others = [validation / name for name in ("of_another_split.npz", "._case_0.npz")]
    for path in others:
        path.write_bytes(source.read_bytes())
    try:
        assert main(compare_argv(tiny, tmp_path)) == 0
    finally:  # the model is shared with other tests
        for path in others:
            path.unlink()
    ensemble = tmp_path / "ensembles" / f"{STOCK}___{OURS}"
    names = {path.name for path in validation.glob("*.nii.gz")}
    assert {path.name for path in ensemble.glob("*.nii.gz")} == names
    for name in names:  # as nnU-Net makes them
        averaged = sum(
            np.load(trained / model / "fold_0" / "validation" / name.replace(".nii.gz", ".npz"))[
                "probabilities"
            ]
            for model in (STOCK, OURS)
        )
        assert np.array_equal(read(ensemble / name), averaged.argmax(0))


def test_an_ensemble_is_repeated_only_if_its_models_changed(trained, tiny, tmp_path):
    argv = compare_argv(tiny, tmp_path)
    assert main(argv) == 0
    predictions = sorted((tmp_path / "ensembles" / f"{STOCK}___{OURS}").glob("*.nii.gz"))
    written = [path.stat().st_mtime_ns for path in predictions]
    assert len(predictions) > 0
    assert main(argv) == 0
    assert [path.stat().st_mtime_ns for path in predictions] == written
    next((trained / OURS / "fold_0" / "validation").glob("*.npz")).touch()
    assert main(argv) == 0
    assert all(path.stat().st_mtime_ns > before for path, before in zip(predictions, written, strict=True))
