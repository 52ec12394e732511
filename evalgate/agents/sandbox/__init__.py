"""The wall around an agent: who starts its processes, what they may reach, and how they end."""
