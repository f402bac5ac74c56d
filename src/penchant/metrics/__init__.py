"""Quality of ranked lists: accuracy, coverage, novelty, diversity, and their uncertainty."""
