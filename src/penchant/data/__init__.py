"""Events, items and users: reading, checking, splitting and packing them."""
