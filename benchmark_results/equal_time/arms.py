"""The arms: what each is called and its trainer, which of them are run where, and what is compared."""

from experiments.budget import STOCK

NETWORKS = (
    "AxialConv", "CSANet", "EarlyFusion", "SAUNet", "SliceAttention", "SliceAttention_AllSkips",
    "SliceAttention_FullSlabs", "TSFMUNet", "VAUNet",
)  # fmt: skip
SCREENED = {
    "2d": STOCK,
    "attention": "nnUNetTrainerSliceAttention",
    "early_fusion": "nnUNetTrainerEarlyFusion",
    "early_fusion_2d_first": "nnUNetTrainerEarlyFusion_2DFirst",
    "attention_2up": "nnUNetTrainerSliceAttention_Skips2Up",
    "axial_2d_first": "nnUNetTrainerAxialConv_2DFirst",
    "csa_2d_first": "nnUNetTrainerCSANet_2DFirst",
    "attention_all": "nnUNetTrainerSliceAttention_AllSkips",
    "attention_mixing": "nnUNetTrainerSliceAttention_Mixing",
    "attention_full_slabs": "nnUNetTrainerSliceAttention_FullSlabs",
    "attention_distance": "nnUNetTrainerSliceAttention_RandomDistance",
    "attention_5slices": "nnUNetTrainerSliceAttention_5slices",
}
COMBINED = {  # screened after the others, see "Where the errors are"
    "attention_2up_3slice_images": "nnUNetTrainerSliceAttention_Skips2Up_3sliceImages",
    "early_fusion_5slices_2d_first": "nnUNetTrainerEarlyFusion_2DFirst_5slices",
}
POSITION = {  # the same; with and without neighbours
    "attention_position": "nnUNetTrainerSliceAttention_Position",
    "unet_position": "nnUNetTrainerSliceUNet_Position",
}
FUSED_POSITION = {"early_fusion_position_2d_first": "nnUNetTrainerEarlyFusion_2DFirst_Position"}
# After the first runs of the confirmation; trainers/further_options.py. 2D again, because these are in mixed precision.
FURTHER = {
    "2d_mixed": STOCK,
    "attention_joins_late": "nnUNetTrainerSliceAttentionJoinsLate",
    "attention_on_finished_2d": "nnUNetTrainerSliceAttentionOnFinished2D",
    "attention_freezes_first": "nnUNetTrainerSliceAttentionFreezesFirst",
    "shift": "nnUNetTrainerSliceShift",
}
# After keys and values learn from the neighbours too; the same trainers as `attention` and `attention_position`.
LEARNING = {
    "attention_keys_learn": "nnUNetTrainerSliceAttention",
    "attention_position_keys_learn": "nnUNetTrainerSliceAttention_Position",
}
# The same steps as `attention`, with copies of a slice in place of its neighbours.
CONTROLS = {"attention_copies": "nnUNetTrainerSliceAttention_RepeatCentre"}
# Of those screened on coronal slices: the cheapest that sees neighbours, the default, both with positions, and the 2D
# U-Net with positions.
ON_ABDOMEN = [
    "2d", "attention_position", "unet_position", "early_fusion_position_2d_first", "attention",
    "early_fusion_2d_first",
]  # fmt: skip
# On axial slices, where 3d_fullres gained most over 2D at equal steps: the default and the best early fusion.
ON_AXIAL = ["2d", "attention", "early_fusion_2d_first"]
# Of SCREENED, by two seeds' mean at half the time.
BEST = ["2d", "attention_2up", "early_fusion_2d_first", "attention"]

VOLUMES = {"3d": f"{STOCK} 3d_fullres"}

# Label: (folder of its tables, arm, reference).
CONFIRMED = {
    "Hippocampus axial: SliceAttention vs 2D": ("confirmation_504", "attention", "2d"),
    "Hippocampus axial: SliceAttention vs its control": ("confirmation_504", "attention", "attention_copies"),
    "ACDC: SliceAttention vs 2D": ("confirmation_027", "attention", "2d"),
    "ACDC: SliceAttention vs its control": ("confirmation_027", "attention", "attention_copies"),
    "BTCV: SliceAttention vs 2D": ("confirmation_530", "attention", "2d"),
    "BTCV: SliceAttention vs its control": ("confirmation_530", "attention", "attention_copies"),
    "Hippocampus coronal: SliceAttention vs 2D": ("confirmation_514", "attention", "2d"),
    "Hippocampus coronal: SliceAttention vs its control": (
        "confirmation_514",
        "attention",
        "attention_copies",
    ),
    "Hippocampus coronal: SliceUNet_Position vs 2D": ("confirmation_514", "unet_position", "2d"),
}
PRIMARY = [label for label, (_, *arms) in CONFIRMED.items() if arms == ["attention", "2d"]]
CURVES_OF_CONFIRMATION = {
    "confirmation_504": "Hippocampus axial, fold 1",
    "confirmation_027": "ACDC",
    "confirmation_514": "Hippocampus coronal, fold 1",
}
CURVES_OF_CHOICE = {
    "screening": "Hippocampus coronal, fold 0: screening, T/2",
    "decision": "Hippocampus coronal, fold 0: decision, T",
}

# In figures; the first is the reference.
LABELS = {
    "2d": "nnU-Net 2D",
    "attention": "SliceAttention",
    "attention_copies": "SliceAttention, copies as neighbours",
    "unet_position": "2D U-Net with positions",
}
LABELS_OF_CHOICE = {
    "2d": "nnU-Net 2D",
    "attention": "attention at the skips, earlier",
    "attention_2up": "attention, fewer skips, earlier",
    "early_fusion_2d_first": "early fusion, 2D first",
    "attention_position": "attention with positions, earlier",
    "unet_position": "2D U-Net with positions",
    "3d": "nnU-Net 3D",
}
