"""nnU-Net behaves as this package expects; violations are reported as sentences."""

import inspect

import pytest
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_slice_attention.doctor import nnunet_contract as contract
from nnunet_slice_attention.doctor.nnunet_contract import CONTRACT
from nnunet_slice_attention.trainers.base import nnUNetTrainerSlab
from nnunet_slice_attention.trainers.finite_training import FiniteTraining
from nnunet_slice_attention.trainers.fold_files import FoldFiles
from nnunet_slice_attention.trainers.from_2d import nnUNetTrainerFrom2D
from nnunet_slice_attention.trainers.slab_batches import SlabBatches
from nnunet_slice_attention.trainers.two_d_first import nnUNetTrainer2DFirst


@pytest.mark.parametrize("expectation", CONTRACT, ids=lambda e: "_".join(e.sentence.split()[:4]))
def test_the_installed_nnunet_behaves_as_expected(expectation):
    assert not expectation.violation(), expectation.violation()


def test_a_new_constructor_parameter_in_nnunet_is_reported(monkeypatch):
    def changed(self, plans, configuration, fold, dataset_json, unpack_dataset, device):
        raise NotImplementedError

    monkeypatch.setattr(nnUNetTrainer, "__init__", changed)
    (violation,) = contract.violations()
    assert violation.startswith("nnU-Net changed: nnUNetTrainer.__init__ takes exactly these parameters")
    assert "unpack_dataset" in violation


def test_a_removed_method_is_reported_as_a_sentence(monkeypatch):
    monkeypatch.delattr(nnUNetTrainer, "_get_deep_supervision_scales")
    (violation,) = contract.violations()
    assert "finest first" in violation and "AttributeError" in violation


OURS = (FiniteTraining, FoldFiles, SlabBatches, nnUNetTrainerSlab, nnUNetTrainer2DFirst, nnUNetTrainerFrom2D)
METHODS = {name for name, _ in inspect.getmembers(nnUNetTrainer, inspect.isroutine)}
EXTENDED = sorted({name for trainer in OURS for name in vars(trainer)} & METHODS)


def test_extended_methods_are_found():
    assert {"__init__", "initialize", "save_checkpoint", "get_training_transforms"} <= set(EXTENDED)


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("method", EXTENDED)
def test_changes_of_extended_methods_are_reported(method, gone, monkeypatch):
    def changed(self, a_new_parameter):
        raise NotImplementedError

    if gone:
        monkeypatch.delattr(nnUNetTrainer, method)
    else:
        monkeypatch.setattr(nnUNetTrainer, method, changed)
    assert any(method in violation for violation in contract.violations())


def test_every_sentence_has_a_behaviour_and_its_use():
    for expectation in CONTRACT:
        fact, _, need = expectation.sentence.partition(";")
        assert fact and need.endswith("."), expectation.sentence
