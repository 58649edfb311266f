"""Cross-validation of several models, on one machine or a Slurm cluster.

What is left to do follows from the files on disk, so the same call again does what is missing and nothing else.
"""
