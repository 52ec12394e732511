"""Scorers that ask a model. May import suite and below, neither trust nor stress."""
