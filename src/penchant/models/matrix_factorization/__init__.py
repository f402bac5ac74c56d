"""Users and items as vectors whose products rebuild what was touched."""
