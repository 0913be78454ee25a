"""The version of the package, also of the npm package and of what `producer` says in model.json."""

VERSION = "0.1.0"
