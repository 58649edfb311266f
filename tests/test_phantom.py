"""The phantom is valid only if nothing in a single slice distinguishes vessels from nodules."""

import json

import numpy as np
import pytest
import SimpleITK
from scipy.ndimage import center_of_mass, distance_transform_edt
from scipy.ndimage import label as components
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier

from nnunet_slice_attention.phantom import NODULE, VESSEL, draw_case, write_phantom

SMALL = {"cases": 2, "test_cases": 1, "shape": (3, 96, 100)}
IN_SLICE_FEATURES = [
    "area",
    "mean brightness",
    "brightness SD",
    "y",
    "x",
    "distance from image centre",
    "ring mean",
    "ring SD",
    "brightest pixel",
    "elongation",
    "distance to nearest disc",
    "discs within 30 pixels",
    "discs in slice",
]
MARGINALS = IN_SLICE_FEATURES[:6]


def in_slice_features(image, label):
    """IN_SLICE_FEATURES of the discs of one slice (discs, features), computed without classes, and classes (discs,)."""
    parts, count = components(label > 0)
    centres = np.array(center_of_mass(label > 0, parts, range(1, count + 1)))
    between = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    np.fill_diagonal(between, np.inf)
    middle = (np.array(image.shape) - 1) / 2
    rows, classes = [], []
    for disc, centre in enumerate(centres):
        mask = parts == disc + 1
        away = distance_transform_edt(~mask)
        ring = image[(away > 1) & (away <= 6)]
        inside, spread = image[mask], np.cov(np.nonzero(mask))
        rows.append(
            [
                mask.sum(),
                inside.mean(),
                inside.std(),
                *centre,
                np.linalg.norm(centre - middle),
                ring.mean(),
                ring.std(),
                inside.max(),
                np.divide(*np.linalg.eigvalsh(spread)),
                between[disc].min(),
                (between[disc] < 30).sum(),
                count,
            ]
        )
        (found,) = np.unique(label[mask])
        classes.append(found)
    return np.array(rows), np.array(classes)


def neighbour_feature(image, label, s):
    """Per disc of slice s, the brightest 3 x 3 mean at its centre in the slices next to it."""
    parts, count = components(label[s] > 0)
    centres = np.rint(center_of_mass(label[s] > 0, parts, range(1, count + 1))).astype(int)
    around = [z for z in (s - 1, s + 1) if 0 <= z < len(image)]
    return np.array([max(image[z, y - 1 : y + 2, x - 1 : x + 2].mean() for z in around) for y, x in centres])


@pytest.fixture(scope="module")
def discs():
    """Discs of one slice per case, so that slices are independent; each position in the stack equally often."""
    features, classes, neighbour = [], [], []
    for case in range(500):
        image, label = draw_case(np.random.default_rng([7, case]), (3, 192, 192))
        s = case % 3
        rows, found = in_slice_features(image[s].astype(float), label[s])
        features.append(rows)
        classes.append(found)
        neighbour.append(neighbour_feature(image, label, s))
    return np.concatenate(features), np.concatenate(classes), np.concatenate(neighbour)


@pytest.mark.parametrize(("side", "expected"), [(96, 1), (150, 2), (192, 4)])
def test_each_slice_has_one_vessel_and_one_nodule_for_every_four_cells(side, expected):
    for seed in range(20):
        _, label = draw_case(np.random.default_rng(seed), (5, side, side))
        for plane in label:
            vessels, nodules = (components(plane == k)[1] for k in (VESSEL, NODULE))
            assert vessels == nodules == expected
            assert components(plane > 0)[1] == vessels + nodules, "discs of one slice touch"


def test_vessels_overlap_in_neighbouring_slices_and_nodules_overlap_nothing():
    for seed in range(20):
        _, label = draw_case(np.random.default_rng(seed))
        for s, plane in enumerate(label):
            parts, count = components(plane > 0)
            for z in {max(s - 1, 0), min(s + 1, len(label) - 1)} - {s}:
                for disc in range(1, count + 1):
                    mask = parts == disc
                    met = set(np.unique(label[z][mask])) - {0}
                    assert met == ({VESSEL} if plane[mask][0] == VESSEL else set())
                    assert not met or (label[z][mask] == VESSEL).mean() > 0.2


def test_vessels_drift():
    _, label = draw_case(np.random.default_rng(0))
    assert all((a != b).any() for a, b in zip(label[:-1] == VESSEL, label[1:] == VESSEL, strict=True))


@pytest.mark.parametrize("feature", MARGINALS)
def test_marginals_do_not_differ_between_classes_and_a_small_shift_would_be_detected(discs, feature):
    features, classes, _ = discs
    values = features[:, MARGINALS.index(feature)]
    vessels, nodules = values[classes == VESSEL], values[classes == NODULE]
    assert min(len(vessels), len(nodules)) > 1800
    level = 0.05 / len(MARGINALS)  # Bonferroni
    assert ks_2samp(vessels, nodules).pvalue > level
    assert ks_2samp(vessels, nodules + 0.2 * values.std()).pvalue < level


def test_a_classifier_on_one_slice_is_at_chance_but_neighbours_separate_the_classes(discs):
    features, classes, neighbour = discs
    vessel = classes == VESSEL
    half = len(vessel) // 2
    interval = 2.6 * 0.5 / np.sqrt(half)  # half width of the 99% confidence interval of an accuracy at chance

    def accuracy(rows):
        model = HistGradientBoostingClassifier(max_iter=50, max_depth=3, random_state=0).fit(
            rows[:half], vessel[:half]
        )
        return model.score(rows[half:], vessel[half:])

    assert abs(accuracy(features) - 0.5) < interval

    leaky = features.copy()
    leaky[vessel, IN_SLICE_FEATURES.index("mean brightness")] += 0.4 * features[:, 1].std()
    assert accuracy(leaky) - 0.5 > interval, "the classifier is too weak to prove anything"

    halfway = 400 + 120 / 2  # between the background and the faintest disc
    assert ((neighbour > halfway) == vessel).mean() > 0.995


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
