"""Bandits that learn from rewards which arm to pull: single choices and slates, each with its probability."""
