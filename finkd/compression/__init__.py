"""Networks made smaller part by part: heads, units, layers, shared weights and low ranks."""
