"""From measured regions to words."""
