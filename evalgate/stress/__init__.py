"""The rate-limit stress check of a suite: recorded load against a provider's quota."""
