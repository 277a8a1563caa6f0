"""Just enough of each wire format to publish, to play, and to count what arrives."""
