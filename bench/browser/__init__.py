"""A browser that watches a live stream, and a clock in the picture that tells how old what it shows is."""
