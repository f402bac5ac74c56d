"""More examples than there are: texts and sequences changed so that their labels still hold. For training only."""
