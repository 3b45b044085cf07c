"""Numbers of people that are too small to be shown."""

# Fewer people could be told apart by those who know the centre.
FEWEST_SHOWN = 5
