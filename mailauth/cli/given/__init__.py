"""What users give: options that several commands share, key files, and messages."""
