"""Experiments on users: who gets what, what was seen, and whether the difference is one.

`assignment` gives arms; `log` reads what happened and says what was left out; `measures` turns events into a number per
user; `fixed_horizon` compares arms once, `sequential` at any time; `analysis` does all of it for `penchant abtest`.
"""
