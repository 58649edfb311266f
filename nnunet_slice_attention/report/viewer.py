"""Cases to scroll through: image, outlines and errors as small NIfTI volumes inside the page, for NiiVue.

NiiVue draws an overlay as filled voxels. An outline is therefore a volume of its own, whose voxels are finer in plane
than the image's, so that it looks like a line.
"""

import base64
import gzip
from collections.abc import Mapping, Sequence

import nibabel
import numpy as np

from ..evaluation.boxes import bounding_box
from .shown_case import ShownCase
from .tables import minus_signs

MARGIN = 24  # voxels around the labels, in plane
MARGIN_SLICES = 2
FINE = 512  # voxels in plane, about, of an outline; at most 4 for each of the image's
MAX_BYTES = 16_000_000  # of all cases together, compressed and in base64


def viewer_data(
    cases: Sequence[ShownCase], short: Mapping[str, str], max_bytes: int = MAX_BYTES
) -> tuple[list[dict], list[str]]:
    """What `viewer.js` shows, ready for JSON, and the names of the cases for which there is no room.

    Each case holds its `title`, the number of `slices` shown, the `first` of them, how many there are in all (`of`),
    and the one to begin with, `start`: where the predictions are wrong most. `image`, the `outline` and `errors` of
    each of `layers`, and the `volume` of each of `weights` are NIfTI files, compressed and in base64. The `brightest`
    weight shown is twice that of equally weighed slices.
    """
    shown, left_out, left = [], [], max_bytes
    for case in cases:
        entry = _entry(case, short)
        if _size(entry) > left and entry["weights"]:
            left_out.append(f"attention weights of {case.case}")
            entry = entry | {"weights": []}
        if _size(entry) > left:
            left_out.append(case.case)
            continue
        shown.append(entry)
        left -= _size(entry)
    return shown, left_out


def _size(entry: dict) -> int:
    layers = sum(len(layer[kind]) for layer in entry["layers"] for kind in ("outline", "errors"))
    return len(entry["image"]) + layers + sum(len(weights["volume"]) for weights in entry["weights"])


def _entry(case: ShownCase, short: Mapping[str, str]) -> dict:
    volumes = case.read(case.models)
    window = _window([volumes.truth, *volumes.predictions.values()])
    truth, image = volumes.truth[window], np.nan_to_num(volumes.image[window])
    predictions = {short[name]: labels[window] for name, labels in volumes.predictions.items()}
    fine = int(np.clip(FINE // max(truth.shape[1:]), 1, 4))
    layers = [
        {"name": "ground truth", "outline": _nifti(outline(truth, fine), volumes.spacing, fine), "errors": ""}
    ]
    for name, labels in predictions.items():
        layers.append(
            {
                "name": name,
                "outline": _nifti(outline(labels, fine), volumes.spacing, fine),
                "errors": _nifti(_finer(errors(truth, labels), fine), volumes.spacing, fine),
            }
        )
    weights = [
        {
            "name": f"{short[name]}, {_place(offset)}",
            "volume": _nifti(volume[window], volumes.spacing, 1),
            "brightest": 2 * 100 / len(by_offset),
        }
        for name, by_offset in case.read_weights().items()
        for offset, volume in by_offset.items()
    ]
    differing = sum((labels != truth).sum(axis=(1, 2)) for labels in predictions.values())
    return {
        "title": minus_signs(case.title(short)),
        "slices": len(truth),
        "first": window[0].start,
        "of": len(volumes.truth),
        "start": int(np.argmax(differing)),
        "image": _image(_finer(image, fine), volumes.spacing, fine),
        "window": [float(q) for q in np.percentile(image, (1, 99))],
        "layers": layers,
        "weights": weights,
    }


def _place(offset: int) -> str:
    near = {-1: "previous slice", 0: "the slice itself", 1: "next slice"}
    return near.get(offset, f"slice {offset:+d}")


def outline(labels: np.ndarray, fine: int = 1) -> np.ndarray:
    """Voxels inside a label at its border in plane: (S, H, W) -> (S, fine * H, fine * W) of 0 and 1."""
    labels = np.pad(_finer(labels, fine), ((0, 0), (1, 1), (1, 1)))
    inner = labels[:, 1:-1, 1:-1]
    beside = (labels[:, :-2, 1:-1], labels[:, 2:, 1:-1], labels[:, 1:-1, :-2], labels[:, 1:-1, 2:])
    return ((inner > 0) & np.logical_or.reduce([inner != other for other in beside])).astype(np.uint8)


def errors(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """0 right, 1 predicted but not there, 2 missed, 3 another class: (S, H, W) of uint8."""
    wrong = truth != prediction
    return (wrong * (1 + (truth > 0) + ((truth > 0) & (prediction > 0)))).astype(np.uint8)


def _window(segmentations: Sequence[np.ndarray]) -> tuple[slice, slice, slice]:
    """Around all labels; everything where there is none."""
    labelled = np.logical_or.reduce([labels > 0 for labels in segmentations])
    return bounding_box(labelled, (MARGIN_SLICES, MARGIN, MARGIN))


def _finer(volume: np.ndarray, fine: int) -> np.ndarray:
    return volume.repeat(fine, axis=1).repeat(fine, axis=2)


def _image(image: np.ndarray, spacing: Sequence[float], fine: int) -> str:
    """In 16 bits, with the factor that gives back the intensities."""
    low, high = float(image.min()), float(image.max())
    slope = (high - low) / 65_000 or 1.0
    return _nifti(
        np.round((image - low) / slope - 32_500).astype(np.int16), spacing, fine, slope, low + 32_500 * slope
    )


def _nifti(
    volume: np.ndarray, spacing: Sequence[float], fine: int, slope: float = 1.0, intercept: float = 0.0
) -> str:
    """A gzipped NIfTI in base64; its axial slices are ours, the first row on top."""
    depth, height, width = spacing
    affine = np.diag([width / fine, -height / fine, depth, 1])
    made = nibabel.Nifti1Image(np.ascontiguousarray(volume.transpose(2, 1, 0)), affine)
    made.header.set_slope_inter(slope, intercept)
    return base64.b64encode(gzip.compress(made.to_bytes(), 9, mtime=0)).decode()
