"""How is each noun kept? The only SQL of the product; every function takes a connection and never commits."""
