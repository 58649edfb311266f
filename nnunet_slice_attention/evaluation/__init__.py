"""What predictions are worth: per-case figures, and statistics with the patient as the unit."""
