"""Continual learning: new events to a new version of a bundle, without forgetting, past a gate, and back again."""
