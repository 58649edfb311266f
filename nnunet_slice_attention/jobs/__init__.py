"""Running a list of jobs here or on a cluster. What the jobs do, and what their files are called, is the caller's."""
