"""Running a list of jobs, here or on a Slurm cluster; what the jobs do is the caller's."""
