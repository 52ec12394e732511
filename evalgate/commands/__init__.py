"""What a command does beyond a run; each is called by a file of `cli/`.

May import run and below.
"""
