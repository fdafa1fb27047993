"""Second opinions: what dkimpy, pyspf and badkeys say of the same, if they are installed."""
