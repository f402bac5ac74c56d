"""Worlds in which the right answer is known, and the closed loop: recommend → react → update → retrain.

`world` says what a recommender may see and what only the judge may; `planted` makes users with interests, `replay`
takes them from densely rated data; `recommender` keeps a belief per user; `loop` runs a policy; `measures` compares.
"""
