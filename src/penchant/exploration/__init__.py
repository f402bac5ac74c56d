"""What to show so as to find out: policies over candidates with beliefs, and which interests are worth a try."""
