"""The tables behind trainers' names: bases, variants and schedules, and what each sets."""

from typing import Any, Literal

from ..networks import NETWORKS

Start = Literal["scratch", "2d_first", "from_2d"]

BASES: dict[str, dict[str, Any]] = {
    f"nnUNetTrainer{network}": {"network_name": network} for network in NETWORKS
}
BASES["nnUNetTrainerSliceAttention"] |= {"start": "2d_first"}

VARIANTS: dict[str, dict[str, Any]] = {
    "RepeatCentre": {"network_options": {"repeat_centre": True}},
    "RepeatCentreLearning": {"network_options": {"repeat_centre": True, "copies_learn": True}},
    "Identity": {"network_options": {"identity": True}},
    "NoCSA": {"network_options": {"cross_slice": False}},
    "NoISA": {"network_options": {"in_slice": False}},
    "CentreQuery": {"network_options": {"direction": "centre_query"}},
    "PaperDirection": {"network_options": {"direction": "paper"}},
    "R50ViT": {"network_options": {"r50_vit": True}},
    "AllSkips": {"network_options": {"finest_stage": 0}},
    **{f"Skips{n}Up": {"network_options": {"finest_stage": n}} for n in (1, 2, 3, 4)},
    "Position": {"network_options": {"position": True}},
    "Mixing": {"network_options": {"finer_skips": "mixing"}},
    "PlainBlocks": {"network_options": {"dense": False}},
    "SharedMasks": {"network_options": {"shared": True}},
    "MaskPerOffset": {"network_options": {"shared": False}},
    "Global": {"network_options": {"mode": "global"}},
    "Local": {"network_options": {"mode": "local"}},
    "Millimetres": {"network_options": {"millimetres": True}},
    "ChannelOnly": {"network_options": {"spatial": False}},
    "SpatialOnly": {"network_options": {"channel": False}},
    "Multiplicative": {"network_options": {"multiplicative": True}},
    "BeforeRCNN": {"network_options": {"location": "rcnn"}},
    "ResNet18": {"network_options": {"resnet": 18}},
    **{f"{n}sliceImages": {"network_options": {"slices_per_image": n}} for n in (1, 3)},
    **{f"{n}head{'s' * (n > 1)}": {"network_options": {"num_heads": n}} for n in (1, 4, 8, 16, 32)},
    **{f"{n}slice{'s' * (n > 1)}": {"network_options": {"context_radius": n // 2}} for n in (1, 3, 5, 7, 9)},
    **{f"{n}blocks": {"network_options": {"vit_depth": n}} for n in (0, 2, 4, 8, 12)},
    "ImageNet": {"backbone": "tf_efficientnet_lite0"},
    "ImageNetLite2": {"backbone": "tf_efficientnet_lite2"},
    **{f"{n}layer{'s' * (n > 1)}": {"network_options": {"num_layers": n}} for n in (1, 2)},
    "ContextSlabs": {"sampling": "context"},
    "ShortSlabs": {"sampling": "short"},
    "FullSlabs": {"sampling": "full"},
    "CentreLoss": {"sampling": "centre"},
    "DeepSlabs": {"sampling": "deep"},
    "RandomDistance": {"max_distance": 2},
    "NoMirroring": {"mirrors": False},
    "FromScratch": {"start": "scratch"},
    "2DFirst": {"start": "2d_first"},
    "From2D": {"start": "from_2d"},
    "SGD": {"optimiser": "sgd"},
    "AdamW": {"optimiser": "adamw"},
}

CANNOT_START_AS_2D = {
    "r50_vit": ("_R50ViT", "replaces the planned encoder"),
    "multiplicative": ("_Multiplicative", "scales all features down from the first step on"),
}

SCHEDULES: dict[str, dict[str, Any]] = {
    f"{n}epoch{'s' * (n > 1)}": {"epochs": n}
    for n in (1, 5, 10, 20, 50, 100, 250, 500, 750, 2000, 4000, 8000)
}
