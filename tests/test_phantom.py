"""The phantom is valid only if nothing in a single slice distinguishes vessels from nodules."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass, distance_transform_edt
from scipy.ndimage import label as components
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier

from nnunet_slice_attention.phantom import NODULE, VESSEL, draw_case

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
