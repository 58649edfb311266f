"""torchvision's Mask R-CNN (He et al., ICCV 2017), split into a feature pyramid and the detector on it.

Deviations from the paper, and why:
- No pretrained weights, so group norm instead of frozen batch norm, as in He et al., *Rethinking ImageNet
  Pre-training*, ICCV 2019. It also keeps a slice's features independent of the other slices in its batch.
- Images keep their size and nnU-Net's normalisation. Photographs are enlarged to 800 pixels and anchors begin at 32;
  here they begin at 8 voxels, with two sizes per level, because a slice has few instances to learn from.
- 128 regions per slice are sampled for the heads instead of 512: those are for the one or two photographs that a GPU
  takes, and a batch of nnU-Net has a dozen slices or more with few instances each.
- The pyramid and the heads are as wide as the ResNet's first stage: 256 for ResNet-50, as in the paper, 64 for
  ResNet-18.
"""

from functools import partial

import torch
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor

from .instances import instances, logits_of, probabilities, structures_of
from .topology import UNetTopology

LEVELS = ("0", "1", "2", "3")  # torchvision's names of P2 to P5, at strides 4 to 32
FINEST_STRIDE, COARSEST_STRIDE = 4, 64  # of P2, and of P6, which is subsampled from P5
ANCHORS = tuple((8 * 2**level, 12 * 2**level) for level in range(len(LEVELS) + 1))  # sides in voxels
RATIOS = (0.5, 1.0, 2.0)
SAMPLED = 128  # regions per slice that the heads are trained on
REGION = 7  # cells per axis of a region for the box head, torchvision's
GROUP_NORM = partial(nn.GroupNorm, 32)


class MaskRCNNTopology(UNetTopology):
    """A feature pyramid and a detector in the place of a U-Net's encoder and decoder."""

    @classmethod
    def with_resnet(cls, depth: int, has_background: bool) -> "MaskRCNNTopology":
        return cls(MaskRCNN, {"depth": depth, "has_background": has_background})

    @property
    def total_strides(self) -> list[tuple[int, int]]:
        """Of the output and of the coarsest features."""
        return [(1, 1), (COARSEST_STRIDE, COARSEST_STRIDE)]

    def build(
        self, in_channels: int, num_classes: int, deep_supervision: bool
    ) -> tuple[nn.Module, nn.Module]:
        pyramid = FeaturePyramid(in_channels, self.kwargs["depth"])
        has_background = self.kwargs["has_background"]
        return pyramid, Detector(pyramid.width, num_classes, has_background, deep_supervision)


class FeaturePyramid(nn.Module):
    """ResNet and feature pyramid: (N, C, H, W) -> P2 to P5, (N, D, H/4, W/4) to (N, D, H/32, W/32).

    Attributes:
        width: D.
    """

    def __init__(self, in_channels: int, depth: int):
        super().__init__()
        resnet = get_model(f"resnet{depth}", weights=None, norm_layer=GROUP_NORM)
        resnet.conv1 = nn.Conv2d(in_channels, resnet.conv1.out_channels, 7, 2, padding=3, bias=False)
        nn.init.kaiming_normal_(resnet.conv1.weight, mode="fan_out", nonlinearity="relu")
        widths = [resnet.inplanes >> halvings for halvings in reversed(range(len(LEVELS)))]
        self.width = widths[0]
        stages = {f"layer{stage}": level for stage, level in enumerate(LEVELS, start=1)}
        self.backbone = BackboneWithFPN(resnet, stages, widths, self.width, norm_layer=GROUP_NORM)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = self.backbone(x)
        return [features[level] for level in LEVELS]


class Detector(nn.Module):
    """Region proposals, boxes and masks; in single precision, because half precision rounds boxes to whole voxels.

    Its input is the pyramid of N target slices: P2 to P5, each (N, D, h, w). If the heads use neighbours, each is
    (N, S*D, h, w) with S slices, slice-major and the target in the middle, followed by which of them exist,
    (N, S, 1, 1).

    Args:
        width: D.
        num_classes: K, including the background if there is one.
        has_background: False if regions are trained.
        deep_supervision: return a list, of one: there are no coarser outputs.
    """

    def __init__(self, width: int, num_classes: int, has_background: bool, deep_supervision: bool):
        super().__init__()
        self.width = width
        self.n_structures = num_classes - has_background
        self.has_background, self.deep_supervision = has_background, deep_supervision
        backbone = nn.Identity()
        backbone.out_channels = width
        model = MaskRCNN(
            backbone,
            rpn_anchor_generator=AnchorGenerator(ANCHORS, (RATIOS,) * len(ANCHORS)),
            box_batch_size_per_image=SAMPLED,
            box_head=TwoMLPHead(width * REGION**2, 4 * width),
            box_predictor=FastRCNNPredictor(4 * width, self.n_structures + 1),
            mask_head=MaskRCNNHeads(width, [width] * 4, dilation=1, norm_layer=GROUP_NORM),
            mask_predictor=MaskRCNNPredictor(width, width, self.n_structures + 1),
        )
        self.rpn, self.roi_heads = model.rpn, model.roi_heads

    @torch.compiler.disable
    def forward(self, pyramid: list[Tensor]) -> Tensor:
        """Logits (N, K, H, W), put together from instances; H and W are those of the padded images."""
        with self._single_precision(pyramid):
            images, features = self._inputs(pyramid)
            proposals, _ = self.rpn(images, self._of_target(features))
            found, _ = self.roi_heads(features, proposals, images.image_sizes)
            maps = [probabilities(each, self.n_structures, images.image_sizes[0]) for each in found]
        return logits_of(torch.stack(maps), self.has_background)

    def head_outputs(self, pyramid: list[Tensor]) -> list[Tensor]:
        """What each head computes: the regions' for one in the middle of each image, before any is selected.

        It changes little with rounding. The selection, and with it the segmentation, may jump.
        """
        with self._single_precision(pyramid):
            images, features = self._inputs(pyramid)
            height, width = images.image_sizes[0]
            middle = pyramid[0].new_tensor([[width, height, 3 * width, 3 * height]]) / 4
            regions = features, [middle] * len(pyramid[0]), images.image_sizes
            objectness, offsets = self.rpn.head(list(self._of_target(features).values()))
            heads = self.roi_heads
            boxes = heads.box_predictor(heads.box_head(heads.box_roi_pool(*regions)))
            masks = heads.mask_predictor(heads.mask_head(heads.mask_roi_pool(*regions)))
        return [*objectness, *offsets, *boxes, masks]

    def losses(self, pyramid: list[Tensor], target: Tensor) -> dict[str, Tensor]:
        """Mask R-CNN's five losses, by torchvision's names.

        Args:
            pyramid: see above.
            target: nnU-Net's, (N, 1, H, W) of labels or (N, n, H, W) of regions.
        """
        wanted = instances(structures_of(target, self.n_structures, self.has_background))
        with self._single_precision(pyramid):
            images, features = self._inputs(pyramid)
            proposals, of_proposals = self.rpn(images, self._of_target(features), wanted)
            _, of_instances = self.roi_heads(features, proposals, images.image_sizes, wanted)
        return of_proposals | of_instances

    @staticmethod
    def _single_precision(pyramid: list[Tensor]) -> torch.autocast:
        return torch.autocast(pyramid[0].device.type, enabled=False)

    @staticmethod
    def _inputs(pyramid: list[Tensor]) -> tuple[ImageList, dict[str, Tensor]]:
        """The images, of which torchvision reads only the size, and the features by level."""
        height, width = (FINEST_STRIDE * n for n in pyramid[0].shape[-2:])
        n = len(pyramid[0])
        images = ImageList(torch.empty(n, 0, height, width), [(height, width)] * n)
        precise = [level.to(torch.promote_types(level.dtype, torch.float32)) for level in pyramid]
        return images, dict(zip((*LEVELS, "exists"), precise, strict=False))

    def _of_target(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """P2 to P6 of the targets, (N, D, h, w), from which regions are proposed."""
        slices = {level: features[level].unflatten(1, (-1, self.width)) for level in LEVELS}
        pyramid = {level: each[:, each.shape[1] // 2] for level, each in slices.items()}
        return pyramid | {"pool": pyramid[LEVELS[-1]][..., ::2, ::2]}
