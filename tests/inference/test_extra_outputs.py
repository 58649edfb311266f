"""`predict --attention` and `--boxes`: what is written beside the predictions, continued and removed with them."""

import csv
import json
import os

import numpy as np
import pytest
import SimpleITK
from skimage.measure import label as measure_labels
from skimage.measure import regionprops

from tests.inference.tiny_model import predict
from tests.tiny_data import read


def test_attention_writes_the_neighbours_weights_beside_the_predictions(trained, tmp_path, capsys):
    assert predict(trained, tmp_path, "-f", "0", "1", "--disable_tta", "--attention") == 0
    cases = [path.name.removesuffix("_0000.nii.gz") for path in sorted(trained.images.glob("*.nii.gz"))]
    folder = tmp_path / "attention"
    for case in cases:
        image = SimpleITK.ReadImage(str(trained.images / f"{case}_0000.nii.gz"))
        volumes = [
            SimpleITK.ReadImage(str(folder / f"{case}_{offset}.nii.gz")) for offset in ("-1", "+0", "+1")
        ]
        for volume in volumes:
            assert volume.GetSize() == image.GetSize() and volume.GetSpacing() == image.GetSpacing()
        total = sum(SimpleITK.GetArrayFromImage(volume).astype(int) for volume in volumes)
        assert np.abs(total - 100).max() <= 1  # per cent, rounded
        with (folder / f"{case}.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["region"] == "image"]
        assert [row["offset"] for row in rows] == ["-1", "0", "1"]
        for row, volume in zip(rows, volumes, strict=True):
            assert float(row["weight"]) * 100 == pytest.approx(
                SimpleITK.GetArrayFromImage(volume).mean(), abs=0.5
            )
    # Interrupted: what is missing is written, and only that.
    (folder / f"{cases[0]}.csv").unlink()
    written = (tmp_path / f"{cases[0]}.nii.gz").stat().st_mtime_ns
    flags = "-f", "0", "1", "--disable_tta", "--attention", "--continue_prediction"
    assert predict(trained, tmp_path, *flags) == 0
    assert (folder / f"{cases[0]}.csv").is_file()
    assert (tmp_path / f"{cases[0]}.nii.gz").stat().st_mtime_ns == written
    # Another prediction takes the old weights with it.
    assert predict(trained, tmp_path, "-f", "0", "--disable_tta") == 0
    assert list(folder.iterdir()) == []
    assert predict(trained, tmp_path, "-f", "0", "--attention", "--neighbours", "repeat") == 1
    assert "--neighbours repeat: weights are of a slice's own neighbours" in capsys.readouterr().err


def test_boxes_of_components_are_written_beside_the_predictions(trained, tmp_path, capsys):
    flags = ("-f", "0", "--disable_tta", "--save_probabilities", "--boxes")
    assert predict(trained, tmp_path, *flags) == 0
    files = sorted((tmp_path / "boxes").iterdir())
    assert [path.stem for path in files] == sorted(path.stem for path in tmp_path.glob("*.npz"))
    for path in files:
        content = json.loads(path.read_text())
        segmentation = read(tmp_path / f"{path.stem}.nii.gz")
        probabilities = np.load(tmp_path / f"{path.stem}.npz")["probabilities"]
        expected = [
            (name, *region.bbox, pytest.approx(region.intensity_max, abs=1e-5))
            for label, name in ((1, "disc"), (2, "core"))
            for region in regionprops(measure_labels(segmentation == label), probabilities[label])
        ]
        boxes = content["boxes"]
        assert [(b["structure"], *b["min"], *b["max"], b["score"]) for b in boxes] == expected
        for box in boxes:
            size = np.subtract(box["max"], box["min"]) * (6, 1, 1)
            assert box["size_mm"] == pytest.approx(size.tolist())
        assert content["shape"] == list(segmentation.shape) and content["spacing_mm"] == [6, 1, 1]
    assert any(json.loads(path.read_text())["boxes"] for path in files)
    # Interrupted: what is missing or older than the segmentation is written, and only that.
    first, second, *_ = files
    before, content = first.stat().st_mtime_ns, second.read_bytes()
    os.utime(second, (1, 1))
    assert predict(trained, tmp_path, *flags, "--continue_prediction") == 0
    assert (first.stat().st_mtime_ns, second.read_bytes()) == (before, content)
    assert second.stat().st_mtime > 1
    # Another prediction's probabilities.
    npz = tmp_path / f"{first.stem}.npz"
    probabilities = np.load(npz)["probabilities"]
    np.savez(npz, probabilities=probabilities[::-1])
    first.unlink()
    assert predict(trained, tmp_path, *flags, "--attention", "--continue_prediction") == 1
    error = capsys.readouterr().err
    assert "predicted, but without boxes: " in error and "does not match the segmentation next to it" in error
    assert not first.exists() and second.exists()
    assert (tmp_path / "attention" / f"{first.stem}.csv").is_file()  # one failure does not stop the other
    # Predicted again without boxes, those of the earlier prediction are removed.
    assert predict(trained, tmp_path, "-f", "0", "--disable_tta") == 0
    assert not list((tmp_path / "boxes").iterdir())
