"""How good predictions are: metrics per case, and statistics with the patient as the unit."""
