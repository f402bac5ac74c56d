"""Policies over candidates with beliefs: which to show, each with the exact probability of its choice."""
