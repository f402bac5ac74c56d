"""What users did and were shown: events, edits and slates, on disk."""
