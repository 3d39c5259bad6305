"""What may a person or a feed do? One function an act; each is one transaction or says why not."""
