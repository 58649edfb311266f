"""What this package expects of nnU-Net, one sentence each, so that an upstream change is reported as a sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import nnunet_behaviour as behaviour


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


EXTENDED_METHODS = {
    "_set_batch_size_and_oversample": "self",
    "configure_optimizers": "self",
    "initialize": "self",
    "on_train_start": "self",
    "on_epoch_start": "self",
    "on_train_epoch_start": "self",
    "on_train_epoch_end": "self train_outputs",
    "get_tr_and_val_datasets": "self",
    "get_validation_transforms": "deep_supervision_scales is_cascaded foreground_labels regions ignore_label",
    "on_validation_epoch_start": "self",
    "on_validation_epoch_end": "self val_outputs",
    "load_checkpoint": "self filename_or_checkpoint",
    "save_checkpoint": "self filename",
    "perform_actual_validation": "self save_probabilities",
}
CONTRACT = (
    Expectation(
        "nnUNetTrainer.__init__ takes exactly these parameters and stores them by name; our trainer passes them on.",
        lambda: behaviour.parameters(behaviour.trainer().__init__),
        "self plans configuration fold dataset_json device",
    ),
    Expectation(
        "build_network_architecture takes the managers of plans and configuration; we read the topology from them.",
        lambda: behaviour.parameters(behaviour.trainer().build_network_architecture),
        "plans_manager configuration_manager num_input_channels num_output_channels enable_deep_supervision",
    ),
    Expectation(
        "get_training_transforms takes the patch, the augmentation ranges and the labels; we pass them on unchanged.",
        lambda: behaviour.parameters(behaviour.trainer().get_training_transforms),
        "patch_size rotation_for_DA deep_supervision_scales mirror_axes do_dummy_2d_data_aug use_mask_for_norm "
        "is_cascaded foreground_labels regions ignore_label",
    ),
    Expectation(
        "The dummy-2D pipeline is a list with these steps in this order; we replace the blur and insert a step before "
        "label removal.",
        behaviour.dummy_2d_steps,
        ["pseudo2d", "pseudo2d", "gaussian_blur", "remove_label"],
    ),
    Expectation(
        "_get_deep_supervision_scales gives one scale per axis and head, finest first; we prepend the slice axis.",
        behaviour.scales,
        [[1.0, 1.0], [0.5, 0.5]],
    ),
    Expectation(
        "configure_rotation_dummyDA_mirroring_and_inital_patch_size returns rotation range, dummy-2D flag, initial "
        "patch size and mirror axes of a 2D patch; we use it for the slices of a slab.",
        behaviour.augmentation_for_2d_patch,
        (2, False, 2, (0, 1)),
    ),
    Expectation(
        "set_deep_supervision_enabled sets network.decoder.deep_supervision; our networks have that switch.",
        behaviour.deep_supervision_switch,
        True,
    ),
    Expectation(
        "The trainer has these methods with these parameters; ours extends each and is not called otherwise.",
        lambda: behaviour.method_parameters(EXTENDED_METHODS),
        EXTENDED_METHODS,
    ),
    Expectation(
        "initialize builds the network, then the optimiser, then wraps the network in DDP; 2D first freezes added "
        "weights in between.",
        behaviour.initialisation_order,
        ["self.build_network_architecture(", "self.configure_optimizers()", "DDP(self.network"],
    ),
    Expectation(
        "recursive_find_trainer_class_by_name takes a name; nnU-Net and our doctor find trainers with it.",
        behaviour.finder_parameters,
        "trainer_name",
    ),
    Expectation(
        "This environment variable names folders with external trainers; an editable install is found through it.",
        behaviour.external_variable,
        "nnUNet_extTrainer",
    ),
    Expectation(
        "nnUNetDataLoader draws patches of any depth from volumes; our slabs are such patches.",
        behaviour.loader_parameters,
        "self data batch_size patch_size final_patch_size label_manager oversample_foreground_percent "
        "sampling_probabilities pad_sides probabilistic_oversampling transforms",
    ),
    Expectation(
        "A data set loads a case by its identifier; we wrap that to add empty slices at both ends and side channels.",
        behaviour.load_case_parameters,
        "self identifier",
    ),
    Expectation(
        "Preprocessors process an array with these parameters; we append the slice spacing to what that returns.",
        behaviour.preprocessing_parameters,
        "self data seg properties plans_manager configuration_manager dataset_json",
    ),
    Expectation(
        "Plans have the median shape, patch, batch and strides under these keys; the slab rule reads them.",
        behaviour.plan_values,
        (9, [256, 224], 12, [[1, 1], [2, 2]]),
    ),
    Expectation(
        "PlansManager keeps the given plans and returns copies of a configuration; training uses shallow slabs while "
        "the saved plans have deep ones.",
        behaviour.configuration_is_a_copy,
        True,
    ),
    Expectation(
        "nnUNetPredictor writes its record of a prediction, then lists the cases; in between we add to it what "
        "makes the predictions.",
        behaviour.prediction_order,
        2 * [["predict_from_raw_data_args.json", "self._manage_input_and_output_lists("]],
    ),
)
