"""Models of explicit ratings: what a user would say of an item, in the unit in which he says it."""
