"""A language model reads what a user did and what an item is: ratings and yes/no tasks learned from text."""
