"""The folder that nnU-Net searches for our trainers: a single module, because nnU-Net imports all it finds.

A normal install puts a copy into nnU-Net's trainer tree; for an editable install `nnUNet_extTrainer` names this folder.
"""
