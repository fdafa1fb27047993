"""Speed as ratios: mailauth and others do the same work in turns, within one run."""
