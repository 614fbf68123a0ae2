"""Trainers that learn each kind of vocabulary from counted words."""
