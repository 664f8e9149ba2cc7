"""Credits: a prepaid customer whose balance runs low is topped up once, paid first, inside caps, and proved by the balance."""
