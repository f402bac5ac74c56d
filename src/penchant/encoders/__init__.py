"""Text to vectors: encoders, their cache, and the texts rendered for them."""
