"""The rate-limit stress check of a suite: recorded load against a provider's quota.

May import suite and below, neither trust nor judges.
"""
