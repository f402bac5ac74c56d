"""Rows of behaviour made by networks that train against each other, to extend what a recommender learns from."""
