"""From published figures to parameters: what a survey would see, the calibration, its verdicts."""
