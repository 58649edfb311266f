"""Entry point of a challenge container: segments every image in /input with a bundle and writes to /output.

Grand Challenge's layout: one folder per input (channel) under `images/`, with `.mha`, `.nii.gz` or `.nii` files:

    /input/images/INPUT/CASE.mha   ->   /output/images/OUTPUT/CASE.mha, /output/results.json

If every folder has one image, these form one case, whatever their names; otherwise images of the same name do.

Needs no network, write access only to /output and the temporary folder, and no nnU-Net settings. A case that cannot be
segmented, or not in time, is listed in `results.json` with the reason; the others continue; the exit status is 1.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK

from nnunet_slice_attention.bundle.load import load_bundle
from nnunet_slice_attention.files import write_text
from nnunet_slice_attention.image_files import check_complete, image_ending
from nnunet_slice_attention.inference.cases import Case
from nnunet_slice_attention.inference.image_checks import Expected, find_problems
from nnunet_slice_attention.inference.predictor import SlabPredictor

ENDINGS = (".mha", ".nii.gz", ".nii")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=Path("/opt/model.zip"))
    parser.add_argument("--input", type=Path, default=Path("/input"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    parser.add_argument(
        "--images", nargs="+", required=True, metavar="INPUT", help="one per channel, in order"
    )
    parser.add_argument("--segmentation", required=True, metavar="OUTPUT", help="name of the output")
    parser.add_argument("--seconds", type=int, default=600, help="time limit per case (default: %(default)s)")
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    results, started = [], time.monotonic()
    predictor = load_bundle(args.bundle, args.device, allow_tqdm=False)
    print(f"Model loaded in {time.monotonic() - started:.1f} s", flush=True)
    signal.signal(signal.SIGALRM, _on_timeout)
    folders = [args.input / "images" / name for name in args.images]
    for channels in find_cases(folders):
        name = channels[0].name
        started, error = time.monotonic(), ""
        try:
            # Repeated, in case a library catches the first.
            signal.setitimer(signal.ITIMER_REAL, args.seconds, 1)
            segment(predictor, channels, args.output / "images" / args.segmentation / name)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Exception as problem:  # readers can raise anything; the other cases continue
            signal.setitimer(signal.ITIMER_REAL, 0)
            error = " ".join(str(problem).split()) or type(problem).__name__
        results.append(
            {"case": name, "seconds": round(time.monotonic() - started, 1), "error": error or None}
        )
        print(json.dumps(results[-1]), flush=True)
        write_text(args.output / "results.json", json.dumps(results, indent=2))
    if not results:
        write_text(
            args.output / "results.json", json.dumps([{"case": None, "error": f"no image in {folders[0]}"}])
        )
    return 0 if results and not any(result["error"] for result in results) else 1


def find_cases(folders: Sequence[Path]) -> list[list[Path]]:
    """The channels of each case; missing files are reported when they are read."""
    found = [
        sorted(path for path in (folder.iterdir() if folder.is_dir() else ()) if path.name.endswith(ENDINGS))
        for folder in folders
    ]
    if all(len(images) == 1 for images in found):
        return [[images[0] for images in found]]
    names = sorted({path.name for images in found for path in images})
    return [[folder / name for folder in folders] for name in names]


def segment(predictor: SlabPredictor, channels: Sequence[Path], output: Path) -> None:
    """Segment one case; `output` is written atomically, with the geometry of the first channel."""
    reader = predictor.plans_manager.image_reader_writer_class()
    ending = predictor.dataset_json["file_ending"]
    with tempfile.TemporaryDirectory() as scratch:
        files = [str(Path(scratch, f"image_{i:04d}{ending}")) for i in range(len(channels))]
        for channel, file in zip(channels, files, strict=True):
            try:
                check_complete(channel)
            except OSError as problem:
                raise ValueError(f"{channel.name} cannot be read: {problem}") from problem
            image = SimpleITK.ReadImage(str(channel))
            if not np.isfinite(SimpleITK.GetArrayViewFromImage(image)).all():  # ITK reads them as 0 in NIfTI
                raise ValueError(f"{channel.name} has voxels that are NaN or infinite")
            SimpleITK.WriteImage(image, file)  # in the format of the training images
        case = Case(tuple(map(Path, files)), output, ending)
        for problem in find_problems(
            [case], Expected.from_plans(predictor.plans_manager, predictor.dataset_json)
        ).values():
            raise ValueError(problem)
        image, properties = reader.read_images(files)
        segmentation = predictor.predict_single_npy_array(image, properties)
        file = str(Path(scratch, f"segmentation{ending}"))
        reader.write_seg(segmentation, file, properties)
        image = SimpleITK.ReadImage(file)
    image.CopyInformation(SimpleITK.ReadImage(str(channels[0])))  # NIfTI rounds headers
    output.parent.mkdir(parents=True, exist_ok=True)
    # Without the case name: ITK would write x.nii.nii.gz as x.nii.gz.
    partial = output.with_name(f".partial{image_ending(output.name)}")
    try:
        SimpleITK.WriteImage(image, str(partial), useCompression=True)
        os.replace(partial, output)
    finally:
        partial.unlink(missing_ok=True)


def _on_timeout(signum, frame) -> None:
    raise TimeoutError("the time limit per case was exceeded")


if __name__ == "__main__":
    sys.exit(main())
