"""Learning from plain texts and from what was taken together, before any task: objectives, and the run of them."""
