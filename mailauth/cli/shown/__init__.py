"""What users get: verdicts and findings as lines or JSON, files put in place whole, a status."""
