"""All that is not screen: the rules, the store, what may be asked and done, the live path, the worker."""
