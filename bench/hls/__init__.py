"""Players of Low-Latency HLS, and their like at a server of finished files."""
