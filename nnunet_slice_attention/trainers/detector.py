"""Trains a detector: nnU-Net's loop, data and folds, with Mask R-CNN's losses."""

from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from ..networks import SlabNetwork
from .base import nnUNetTrainerSlab


class nnUNetTrainerDetector(nnUNetTrainerSlab):
    """A slab trainer whose network is a detector, see `VAMaskRCNN`.

    - The training loss is the sum of the detector's five losses. The logged validation loss is nnU-Net's own, of the
      segmentation put together from the instances, so the two curves are on different scales.
    - Mixed precision: ResNet, feature pyramid and attention; proposals and heads are computed in single precision.
    - Not compiled: the number of instances differs from slice to slice.
    - No deep supervision: the detector has one output.
    """

    @classmethod
    def check_trainable(
        cls, network: SlabNetwork, configuration: ConfigurationManager, labels: LabelManager
    ) -> None:
        super().check_trainable(network, configuration, labels)
        if labels.has_ignore_label:
            raise ValueError(
                f"{cls.__name__}: the data set has an ignore label, but a detector cannot leave out a part of "
                "an image: what it finds there would count as wrong. Train a segmentation network, e.g. "
                "nnUNetTrainerVAUNet."
            )

    def initialize(self):
        self.enable_deep_supervision = False
        super().initialize()

    def _do_i_compile(self) -> bool:
        return False

    def _build_loss(self):
        of_segmentation, network = super()._build_loss(), self.unwrapped_network()

        def loss(output, target):
            """Of the training output, or of the logits of online validation."""
            if isinstance(output, list):
                return sum(network.losses(output, target).values())
            return of_segmentation(output, target)

        return loss
