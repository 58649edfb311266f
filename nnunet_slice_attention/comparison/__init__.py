"""The commands `compare` and `find-best`: models, ground truth and cases of a comparison, and what it writes."""
