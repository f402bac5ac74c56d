"""Attributes to numbers, by named steps that are fitted on the training part alone.

::

    columns ── select ──> transform ──> cross ──> [encoding] ──> reduce ──> features by name

Each step may be left out, and `FeatureConfig.without` does it by name: an ablation is a loop. The encoding is always
there: it turns whatever columns are left into numbers. A fitted pipeline is JSON.
"""
