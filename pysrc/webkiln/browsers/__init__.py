"""Finding and driving Node and browsers, and the local server that they load from."""
