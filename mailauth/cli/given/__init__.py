"""What users give: options that several commands share, key files, messages where they are kept."""
