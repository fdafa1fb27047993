"""Second opinions: what dkimpy, pyspf and badkeys say of the same, where they are installed."""
