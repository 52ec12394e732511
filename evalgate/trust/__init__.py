"""Who may judge: the base of a change, its waivers, the evidence the change supplies."""
