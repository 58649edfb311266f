"""The folder nnU-Net searches for our trainers: one module and nothing else, because nnU-Net imports all it finds.

A normal install puts a copy into nnU-Net's own trainer tree; an editable install names this one in `nnUNet_extTrainer`.
"""
