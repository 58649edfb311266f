"""Truths whose header differs a little from the image's, which nnU-Net trains on: compared, and named in the report."""

import SimpleITK

from tests.comparison.prediction_folders import PATIENTS, compare
from tests.tables import rows_of

CASE = "patient3_visit1"


def move(folder, **header):
    path = folder / f"{CASE}.nii.gz"
    image = SimpleITK.ReadImage(str(path))
    for name, value in header.items():
        getattr(image, f"Set{name}")(value)
    SimpleITK.WriteImage(image, str(path))


def test_a_small_difference_is_compared_and_told(folders):
    move(folders / "truth", Origin=(0.0, 0.0, 0.002))
    assert compare(folders) == 0
    rows = [row for row in rows_of(folders / "out") if row["case"] == CASE]
    assert all(abs(float(row["headers_apart_mm"]) - 0.002) < 1e-6 for row in rows)
    assert all(row["dice"] == "1.0" for row in rows if row["model"] == "perfect")
    told = (
        f"headers of truths that differ from the predictions': by up to 0.002 mm at a voxel ({CASE}), in 1 of "
        f"{2 * PATIENTS} cases: {CASE}. Compared voxel by voxel, as nnU-Net does; mm and ml are by the truth's spacing"
    )
    assert f"- {told}\n" in (folders / "out" / "report.md").read_text()
    assert told.split(": ", 1)[1].replace("'", "&#39;") in (folders / "out" / "report.html").read_text()
    assert compare(folders) == 0  # from what was kept
    assert f"- {told}\n" in (folders / "out" / "report.md").read_text()


def test_the_header_of_another_image_is_refused_by_name(folders, capsys):
    move(folders / "truth", Origin=(0.0, 0.0, 7.0))
    assert compare(folders) == 1
    assert f"{CASE}.nii.gz has the origin (0, 0, 0), its truth" in capsys.readouterr().err
    assert not (folders / "out" / "report.md").exists()
