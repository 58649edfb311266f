"""Checks by their headers that images and labels of a raw data set are aligned, before days of training.

nnU-Net trains on misaligned files, see `image_geometry`; a comparison refuses headers of another image.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json
from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

from ..dataset_files import read_description
from ..image_files import is_renamed
from ..image_geometry import HEADERS, SAME, geometry_mismatch, max_displacement_mm
from .check import Check

THREADS = 8  # files may be on a slow network
SHOWN = 5  # cases


def check_headers(folder: Path, dataset: str | int) -> list[Check]:
    """Compare the headers of each case's first channel and label. Empty if there is nothing to compare.

    Args:
        folder: the raw data set.
        dataset: id or name, for the next step.
    """
    description = folder / "dataset.json"
    if not description.is_file():
        return []
    try:
        dataset_json = read_description(description)
    except ValueError as error:
        return [Check("headers", False, str(error), "The data set cannot be used without dataset.json.")]
    pairs = _pairs(folder, dataset_json)
    if not pairs:
        return []
    if renamed := [case for case in pairs if is_renamed(case, dataset_json["file_ending"])]:
        text = f"case names must not end like NIfTI files: {_listed(renamed)}"
        return [Check("names", False, text, "Rename them: ITK writes the segmentation of x.nii as x.nii.gz.")]
    example, _ = next(iter(pairs.values()))
    try:
        with redirect_stderr(StringIO()):  # tracebacks of readers that cannot read the file
            reader = determine_reader_writer_from_dataset_json(dataset_json, str(example), verbose=False)
    except RuntimeError as error:
        return [
            Check(
                "headers", False, str(error), f"Restore {example}, or correct file_ending in {description}."
            )
        ]
    read = HEADERS.get(reader)
    if read is None:
        return []

    def compared(pair: tuple[Path, Path]) -> tuple[float, str]:
        """(displacement in mm, why they are not of one image)."""
        image, label = pair
        try:
            reference, other = read(label), read(image)
            if found := geometry_mismatch(reference, other):
                name, of_image, of_label, limit = found
                return 0.0, f"{label} has {name} {of_label}, its image {image} {of_image}; {limit}"
            return max_displacement_mm(reference, other), ""
        except Exception as error:  # readers can raise anything
            return 0.0, f"{label} or {image} cannot be read: {' '.join(str(error).split())}"

    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(zip(pairs, pool.map(compared, pairs.values()), strict=True))
    return [_verdict(found, dataset)]


def _verdict(found: dict[str, tuple[float, str]], dataset: str | int) -> Check:
    overlays = f"nnUNetv2_plot_overlay_pngs -d {dataset} -o overlays --use_raw"
    if wrong := {case: problem for case, (_, problem) in found.items() if problem}:
        text = f"{len(wrong)} of {len(found)} labels do not match their image: {_listed(list(wrong.values()), '; ')}"
        step = f"Replace the wrong files or correct their headers; compare refuses them. Look at both: {overlays}"
        return Check("headers", False, text, step)
    displaced = {case: mm for case, (mm, _) in found.items() if mm > SAME}
    if not displaced:
        return Check("headers", True, f"labels and images are aligned in all {len(found)} cases")
    most = max(displaced, key=displaced.__getitem__)
    text = (
        f"in {len(displaced)} of {len(found)} cases label and image are slightly displaced, by up to "
        f"{displaced[most]:.3g} mm ({most}): {_listed(list(displaced))}"
    )
    step = f"nnU-Net trains, and compare evaluates, voxel by voxel. Check that this is right: {overlays}"
    return Check("headers", True, text, step)


def _pairs(folder: Path, dataset_json: dict) -> dict[str, tuple[Path, Path]]:
    """(first channel, label) per case, where both exist."""
    ending = dataset_json["file_ending"]
    if "dataset" in dataset_json:  # paths of the files
        named = get_filenames_of_train_images_and_targets(str(folder), dataset_json)
        pairs = {case: (Path(files["images"][0]), Path(files["label"])) for case, files in named.items()}
    else:  # without nnU-Net's function, which starts twelve processes
        labels = {path.name.removesuffix(ending): path for path in (folder / "labelsTr").glob(f"*{ending}")}
        pairs = {
            case: (folder / "imagesTr" / f"{case}_0000{ending}", label) for case, label in labels.items()
        }
    return {case: pairs[case] for case in sorted(pairs) if all(path.is_file() for path in pairs[case])}


def _listed(texts: list[str], separator: str = ", ") -> str:
    return separator.join(texts[:SHOWN]) + (f"{separator}..." if len(texts) > SHOWN else "")
