"""The last look at a list before it is shown: diversity, calibration, novelty, popularity, and the owner's rules."""
