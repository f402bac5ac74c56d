"""What a change causes: effects from logs that were not randomised, by segment, of a model's own features; and games.

`effects` weighs and models confounding away, `uplift` asks where an effect lies, `intervention` changes a feature of a
fitted recommender, `shapley` shares a slate's reward among concepts, `games` and `creators` play it through.
"""
