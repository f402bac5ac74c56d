"""The whole path: retrieve, score, choose, explain; and the saved bundle."""
