"""Teaching the backbone that is shipped: scenes drawn by rules, a teacher, a small pupil."""
