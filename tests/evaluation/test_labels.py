"""Structures, channels and allowed labels of classes and of regions."""

from nnunet_slice_attention.evaluation.labels import Labels
from nnunet_slice_attention.evaluation.metrics import FOREGROUND
from tests.tiny_data import TinyDataset


def test_labels_of_classes_and_regions():
    labels = Labels.from_dataset_json(TinyDataset(1, "Tiny").dataset_json)
    assert labels.structures == {"disc": (1,), "core": (2,), FOREGROUND: (1, 2)}
    assert labels.channels == {"disc": 1, "core": 2}
    regions = Labels.from_dataset_json(TinyDataset(1, "Tiny", regions=True).dataset_json)
    assert regions.channels == {"disc": 0, "core": 1}
    assert regions.structures == {"disc": (1, 2), "core": (2,), FOREGROUND: (1, 2)}
    assert regions.ignore == 3
    assert regions.allowed == {0, 1, 2, 3}
    assert Labels.from_dataset_json({"labels": {"background": 0, "organ": 1}}).structures == {"organ": (1,)}


def test_labels_in_quotes_are_integers_as_for_nnunet():
    labels = Labels.from_dataset_json({"labels": {"background": "0", "liver": "1", "tumour": ["2"]}})
    assert labels.structures == {"liver": (1,), "tumour": (2,), FOREGROUND: (1, 2)}
    assert labels.channels == {"liver": 1, "tumour": 2}
    assert labels.allowed == {0, 1, 2}
    assert labels.label_manager().all_labels == [0, 1, 2]


def test_a_class_may_be_called_foreground_and_a_region_of_one_label_is_a_class():
    labels = Labels.from_dataset_json({"labels": {"background": 0, "foreground": 1, "core": [2]}})
    assert labels.structures == {"foreground": (1,), "core": (2,), FOREGROUND: (1, 2)}
    assert labels.channels == {"foreground": 1, "core": 2}
