"""Plays a load against quota, retries and faults in virtual time. Pure."""
