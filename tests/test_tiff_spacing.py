"""The spacing of 3D TIFF files is read where nnU-Net keeps it, and is unknown, not 1 mm, without it."""

import re
import sys
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import tifffile
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from nnunet_slice_attention.tiff_spacing import (
    ENDINGS,
    image_spacing_file,
    read_segmentation,
    read_spacing,
    segmentation_spacing_file,
)
from tests.tiny_data import write
from tests.tiny_tiff import SPACING, write_segmentation, write_spacing

LABELS = np.zeros((3, 5, 4), np.uint8)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("case", ["a", "scan.v2", "a_0000"])
def test_nnunet_reads_the_same_files(case, ending, tmp_path, capsys):
    reader, segmentation = Tiff3DIO(), tmp_path / f"{case}{ending}"
    reader.write_seg(LABELS, str(segmentation), {"spacing": SPACING})
    assert read_spacing(segmentation_spacing_file(segmentation)) == SPACING
    channel = tmp_path / f"{case}_0000{ending}"
    tifffile.imwrite(channel, LABELS)
    image_spacing_file(channel).write_text('{"spacing": [2, 3, 4.5]}')
    assert reader.read_images([str(channel)])[1]["spacing"] == [2, 3, 4.5]
    assert "WARNING" not in capsys.readouterr().out


def test_a_missing_spacing_is_unknown_and_nnunets_assumption_is_not_printed(tmp_path, capsys):
    write_segmentation(tmp_path, "a", LABELS, None)
    volume, properties = read_segmentation(Tiff3DIO(), tmp_path / "a.tif")
    assert volume.shape == (1, 3, 5, 4) and properties["spacing"] is None
    assert capsys.readouterr().out == ""
    write_spacing(tmp_path, "a")
    assert read_segmentation(Tiff3DIO(), tmp_path / "a.tif")[1]["spacing"] == SPACING


def test_standard_output_is_put_back_when_threads_read_at_the_same_time(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", before := sys.stdout)  # put back in any case
    second_begins, first_ends = Event(), Event()

    class OneInTheOther(Tiff3DIO):
        def read_seg(self, name):
            if name.endswith("a.tif"):
                second_begins.wait(0.5)
            else:
                second_begins.set()
                first_ends.wait(0.5)
            return super().read_seg(name)

    threads = []
    for case in "ab":
        write_segmentation(tmp_path, case, LABELS, None)
        threads.append(Thread(target=read_segmentation, args=(OneInTheOther(), tmp_path / f"{case}.tif")))
    for thread in threads:
        thread.start()
    threads[0].join()
    first_ends.set()
    threads[1].join()
    assert sys.stdout is before


def test_other_formats_are_read_as_nnunet_does(tmp_path):
    write(LABELS, tmp_path / "a.nii.gz")
    write_spacing(tmp_path, "a", (9.0, 9.0, 9.0))
    assert read_segmentation(SimpleITKIO(), tmp_path / "a.nii.gz")[1]["spacing"] == [6.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", '{"spacing": 1}', '{"spacing": [1, 1]}', '{"spacing": [0, 1, 1]}', '{"spacing": ["1", 1, 1]}',
        '{"spacing": [NaN, 1, 1]}', '{"spacing": [Infinity, 1, 1]}', '{"spacing": [1, 1, 1',
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_with_the_next_step(content, tmp_path):
    write_segmentation(tmp_path, "a", LABELS, None)
    file = Path(tmp_path, "a.json")
    file.write_text(content)
    with pytest.raises(ValueError, match=rf"^{re.escape(str(file))} .*\. Correct it: ") as error:
        read_segmentation(Tiff3DIO(), tmp_path / "a.tif")
    assert str(error.value).endswith('Correct it: {"spacing": [z, y, x]}, in mm.')
