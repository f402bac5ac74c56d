"""Named directions in the item space."""
