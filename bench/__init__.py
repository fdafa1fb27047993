"""Speed as ratios: ours and the others on the same work, turn by turn, in one run."""
