"""Where a student's images come from: fixed samples, and samples made while it learns."""
