"""Load and rivals for SRT: a film in a transport stream, libsrt's tools, players, probes."""
