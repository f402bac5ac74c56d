"""What another policy would have earned, from the log of the one that served.

`LoggedBandit` and `LoggedSlates` are logs, checked at the door. `Question` puts a target policy to one of them,
`estimate` answers with one of `ESTIMATORS`, `chosen_estimate` by the stated rule.
"""
