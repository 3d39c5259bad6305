"""Which rules hold, whatever stores or shows them? The standard library only."""
