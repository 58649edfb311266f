"""Cross-validation of several models, on one machine or a Slurm cluster.

What is to be done is read from what lies on disk, so the same call again does what is missing, and nothing else.
"""
