"""Learning from confirmed and made-up defects: what the head is taught by."""
