"""Cross-validation of several models, on one machine or a Slurm cluster.

What is left to do follows from the files on disk, so the same call again does what is missing and nothing else.
`cross_validation.py` lists the jobs, `check_before_training.py` all checks before the first,
`train_compare_predict.py` runs the jobs and compares the models.
"""
