"""General tasks: what a model is worth outside its domain."""
