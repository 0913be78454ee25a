"""The converter wizard: what a model is, few questions with measured consequences, a proven result. Imported only by `webkiln.cli`."""
