"""The intermediate representation: dimensions, dtypes, graphs."""
