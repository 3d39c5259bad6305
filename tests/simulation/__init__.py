"""One process, one thread, a real PostgreSQL and a clock of its own: a city lives through drawn steps."""
