"""Settings chosen by trial: a stated space, trials that are kept on disk, the best of them."""
