"""Protocols, comparisons and reports."""
