"""Names of a 2.5D and a stock model of the tiny data set, to be trained in an instant."""

OURS, STOCK = (f"Tiny_{trainer}__nnUNetPlans__2d" for trainer in ("nnUNetTrainerSAUNet", "nnUNetTrainer"))
