"""Ground truth whose header differs slightly from the image's: compared, as nnU-Net does, and named in the report."""

import SimpleITK

from tests.comparison.prediction_folders import PATIENTS, compare
from tests.tables import rows_of

CASE = "patient3_visit1"


def change_header(folder, **header):
    path = folder / f"{CASE}.nii.gz"
    image = SimpleITK.ReadImage(str(path))
    for name, value in header.items():
        getattr(image, f"Set{name}")(value)
    SimpleITK.WriteImage(image, str(path))


def test_small_differences_are_compared_and_reported(folders):
    change_header(folders / "truth", Origin=(0.0, 0.0, 0.002))
    assert compare(folders) == 0
    rows = [row for row in rows_of(folders / "out") if row["case"] == CASE]
    assert all(abs(float(row["headers_apart_mm"]) - 0.002) < 1e-6 for row in rows)
    assert all(row["dice"] == "1.0" for row in rows if row["model"] == "perfect")
    fact = (
        f"differing headers of ground truth and prediction: 1 of {2 * PATIENTS} cases, voxel positions up to 0.002 mm "
        f"apart ({CASE}): {CASE}. Compared voxel by voxel, as nnU-Net does; mm and ml use the spacing of the ground "
        "truth"
    )
    assert f"- {fact}\n" in (folders / "out" / "report.md").read_text()
    assert fact.split(": ", 1)[1].replace("'", "&#39;") in (folders / "out" / "report.html").read_text()
    assert compare(folders) == 0  # from the cache
    assert f"- {fact}\n" in (folders / "out" / "report.md").read_text()


def test_the_header_of_another_image_is_refused_by_name(folders, capsys):
    change_header(folders / "truth", Origin=(0.0, 0.0, 7.0))
    assert compare(folders) == 1
    assert f"{CASE}.nii.gz has origin (0, 0, 0), but its ground truth" in capsys.readouterr().err
    assert not (folders / "out" / "report.md").exists()
