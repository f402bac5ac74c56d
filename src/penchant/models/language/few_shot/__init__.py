"""Likes and dislikes learned from a few labels and much that has none."""
