"""Who may judge: the base of a change, its waivers, the evidence the change supplies.

May import suite and below, neither judges nor stress.
"""
