"""Models that let what is known travel along the edges of a graph: users to items, items to items, friends."""
