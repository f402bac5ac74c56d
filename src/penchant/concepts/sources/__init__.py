"""Where names of concepts come from."""
