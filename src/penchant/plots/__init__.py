"""Pictures that are saved as files: scores, replays, and what a model learned. They need matplotlib."""
