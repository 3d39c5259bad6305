"""What may a screen ask? Plain dicts in the shapes of the API."""
