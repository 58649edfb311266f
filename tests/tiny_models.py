"""Names of a 2.5D model and nnU-Net's own model of the tiny data set, with tiny trainers."""

OURS, STOCK = (f"Tiny_{trainer}__nnUNetPlans__2d" for trainer in ("nnUNetTrainerSAUNet", "nnUNetTrainer"))
