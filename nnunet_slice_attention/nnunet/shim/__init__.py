"""The folder nnU-Net searches for our trainers. It holds one module and nothing else, because nnU-Net imports all it finds.

A normal install puts a copy into nnU-Net's own trainer tree; an editable install points `nnUNet_extTrainer` at this one.
"""
