"""What a capture of packets shows of one host: its flows, its names, its rhythms, and whom it reached."""
