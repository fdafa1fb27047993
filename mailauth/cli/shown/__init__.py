"""What users get: verdicts and findings as lines or JSON, complete files, an exit status."""
