"""Profiles: a user's interests in words, with the events behind them."""
