"""Policies learned from the log of another: by weighted gradients, by reinforcement learning, by weighted rankers."""
