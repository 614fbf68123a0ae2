"""Compress networks: prune heads, units and layers, share weights, factorize and quantize matrices."""
