"""Two bots written the usual way, as their libraries' documentation shows it, for comparison alone."""
