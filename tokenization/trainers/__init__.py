"""How each kind of vocabulary is learnt from counted words."""
