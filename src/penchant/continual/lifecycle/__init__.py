"""The whole loop in one run: data, encoder, profiles, slates with a look around, feedback, a new version, a report."""
