"""What happens after the merge: history, objectives, watching and alerts."""
