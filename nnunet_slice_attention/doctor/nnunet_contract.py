"""What this package expects of nnU-Net, one sentence each, so that an upstream change is reported as a sentence."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True)
class Expectation:
    """One expected behaviour of nnU-Net.

    Attributes:
        sentence: the behaviour; what of this package needs it.
        found: determines it for the installed nnU-Net; may raise.
        expected: its value in the supported versions.
    """

    sentence: str
    found: Callable[[], Any]
    expected: Any

    def violation(self) -> str:
        """Empty if nnU-Net behaves as expected, otherwise the sentence with both values."""
        try:
            found = self.found()
        except Exception as error:  # an upstream change can raise anything
            found = f"{type(error).__name__}: {error}"
        if found == self.expected:
            return ""
        return f"nnU-Net changed: {self.sentence} Expected {self.expected!r}, found {found!r}."


def violations() -> list[str]:
    return [text for text in (expectation.violation() for expectation in CONTRACT) if text]


def _trainer() -> type:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    return nnUNetTrainer


def _parameters(function: Callable) -> str:
    return " ".join(inspect.signature(function).parameters)


def _extended_methods() -> dict[str, str]:
    names = (
        "_set_batch_size_and_oversample",
        "configure_optimizers",
        "initialize",
        "on_train_start",
        "on_epoch_start",
        "on_train_epoch_start",
        "get_tr_and_val_datasets",
        "get_validation_transforms",
        "on_validation_epoch_start",
        "on_validation_epoch_end",
        "save_checkpoint",
        "perform_actual_validation",
    )
    return {name: _parameters(getattr(_trainer(), name)) for name in names}


def _initialisation_order() -> list[str]:
    source = inspect.getsource(_trainer().initialize)
    steps = ("self.build_network_architecture(", "self.configure_optimizers()", "DDP(self.network")
    return sorted(steps, key=source.index)


def _finder_parameters() -> str:
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    return _parameters(recursive_find_trainer_class_by_name)


def _external_variable() -> str:
    from nnunetv2.paths import nnUNet_extTrainer

    return nnUNet_extTrainer.env_var_name


def _loader_parameters() -> str:
    from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader

    return _parameters(nnUNetDataLoader.__init__)


def _load_case_parameters() -> str:
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

    return _parameters(nnUNetDatasetBlosc2.load_case)


def _preprocessing_parameters() -> str:
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor

    return _parameters(DefaultPreprocessor.run_case_npy)


def _scales() -> list[list[float]]:
    plan = SimpleNamespace(pool_op_kernel_sizes=[[1, 1], [2, 2], [2, 2]])
    fake = SimpleNamespace(enable_deep_supervision=True, configuration_manager=plan)
    return [[float(s) for s in scale] for scale in _trainer()._get_deep_supervision_scales(fake)]


def _augmentation_for_2d_patch() -> tuple:
    plan = SimpleNamespace(patch_size=[64, 64])
    fake = SimpleNamespace(configuration_manager=plan, print_to_log_file=lambda *_: None)
    rotation, dummy_2d, initial, mirror = (
        _trainer().configure_rotation_dummyDA_mirroring_and_inital_patch_size(fake)
    )
    return len(rotation), dummy_2d, len(initial), mirror


def _dummy_2d_steps() -> list[str]:
    pipeline = _trainer().get_training_transforms((3, 64, 64), (-1.0, 1.0), None, (1, 2), True)
    steps = [type(getattr(step, "transform", step)).__module__.split(".")[-1] for step in pipeline.transforms]
    return [step for step in steps if step in ("pseudo2d", "gaussian_blur", "remove_label")]


def _deep_supervision_switch() -> bool:
    network = SimpleNamespace(decoder=SimpleNamespace(deep_supervision=None))
    _trainer().set_deep_supervision_enabled(SimpleNamespace(is_ddp=False, network=network), True)
    return network.decoder.deep_supervision


PLANS = {
    "original_median_shape_after_transp": [9, 256, 224],
    "configurations": {
        "2d": {
            "patch_size": [256, 224],
            "batch_size": 12,
            "spacing": [1.5, 1.5],
            "architecture": {"arch_kwargs": {"strides": [[1, 1], [2, 2]]}},
        }
    },
}


def _plan_values() -> tuple:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(PLANS)
    plan = manager.get_configuration("2d")
    kwargs = plan.network_arch_init_kwargs
    return manager.original_median_shape_after_transp[0], plan.patch_size, plan.batch_size, kwargs["strides"]


def _configuration_is_a_copy() -> bool:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(PLANS)
    return (
        manager.plans is PLANS
        and manager.get_configuration("2d").configuration is not PLANS["configurations"]["2d"]
    )


CONTRACT = (
    Expectation(
        "nnUNetTrainer.__init__ takes exactly these parameters and stores them by name; our trainer passes them on.",
        lambda: _parameters(_trainer().__init__),
        "self plans configuration fold dataset_json device",
    ),
    Expectation(
        "build_network_architecture takes the managers of plans and configuration; we read the topology from them.",
        lambda: _parameters(_trainer().build_network_architecture),
        "plans_manager configuration_manager num_input_channels num_output_channels enable_deep_supervision",
    ),
    Expectation(
        "get_training_transforms takes the patch, the augmentation ranges and the labels; we pass them on unchanged.",
        lambda: _parameters(_trainer().get_training_transforms),
        "patch_size rotation_for_DA deep_supervision_scales mirror_axes do_dummy_2d_data_aug use_mask_for_norm "
        "is_cascaded foreground_labels regions ignore_label",
    ),
    Expectation(
        "The dummy-2D pipeline is a list with these steps in this order; we replace the blur and insert a step before "
        "label removal.",
        _dummy_2d_steps,
        ["pseudo2d", "pseudo2d", "gaussian_blur", "remove_label"],
    ),
    Expectation(
        "_get_deep_supervision_scales gives one scale per axis and head, finest first; we prepend the slice axis.",
        _scales,
        [[1.0, 1.0], [0.5, 0.5]],
    ),
    Expectation(
        "configure_rotation_dummyDA_mirroring_and_inital_patch_size returns rotation range, dummy-2D flag, initial "
        "patch size and mirror axes of a 2D patch; we use it for the slices of a slab.",
        _augmentation_for_2d_patch,
        (2, False, 2, (0, 1)),
    ),
    Expectation(
        "set_deep_supervision_enabled sets network.decoder.deep_supervision; our networks have that switch.",
        _deep_supervision_switch,
        True,
    ),
    Expectation(
        "The trainer has these methods with these parameters; ours extends each and is not called otherwise.",
        _extended_methods,
        {
            "_set_batch_size_and_oversample": "self",
            "configure_optimizers": "self",
            "initialize": "self",
            "on_train_start": "self",
            "on_epoch_start": "self",
            "on_train_epoch_start": "self",
            "get_tr_and_val_datasets": "self",
            "get_validation_transforms": "deep_supervision_scales is_cascaded foreground_labels regions ignore_label",
            "on_validation_epoch_start": "self",
            "on_validation_epoch_end": "self val_outputs",
            "save_checkpoint": "self filename",
            "perform_actual_validation": "self save_probabilities",
        },
    ),
    Expectation(
        "initialize builds the network, then the optimiser, then wraps the network in DDP; 2D first freezes added "
        "weights in between.",
        _initialisation_order,
        ["self.build_network_architecture(", "self.configure_optimizers()", "DDP(self.network"],
    ),
    Expectation(
        "recursive_find_trainer_class_by_name takes a name; nnU-Net and our doctor find trainers with it.",
        _finder_parameters,
        "trainer_name",
    ),
    Expectation(
        "This environment variable names folders with external trainers; an editable install is found through it.",
        _external_variable,
        "nnUNet_extTrainer",
    ),
    Expectation(
        "nnUNetDataLoader draws patches of any depth from volumes; our slabs are such patches.",
        _loader_parameters,
        "self data batch_size patch_size final_patch_size label_manager oversample_foreground_percent "
        "sampling_probabilities pad_sides probabilistic_oversampling transforms",
    ),
    Expectation(
        "A data set loads a case by its identifier; we wrap that to add empty slices at both ends and side channels.",
        _load_case_parameters,
        "self identifier",
    ),
    Expectation(
        "Preprocessors process an array with these parameters; we append the slice spacing to what that returns.",
        _preprocessing_parameters,
        "self data seg properties plans_manager configuration_manager dataset_json",
    ),
    Expectation(
        "Plans have the median shape, patch, batch and strides under these keys; the slab rule reads them.",
        _plan_values,
        (9, [256, 224], 12, [[1, 1], [2, 2]]),
    ),
    Expectation(
        "PlansManager keeps the given plans and returns copies of a configuration; training uses shallow slabs while "
        "the saved plans have deep ones.",
        _configuration_is_a_copy,
        True,
    ),
)
