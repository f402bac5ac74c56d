"""What made-up profiles and the passing of time do to a model: attacks, their detection, windows in time."""
