"""Models of a user's sequence of events."""
