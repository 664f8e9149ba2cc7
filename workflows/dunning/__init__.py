"""Dunning: an unpaid invoice is asked for step by step, each step dated, reckoned and reasoned from what is known."""
