"""The report page: one HTML file that needs nothing else, and its curves as pictures. Nothing is measured here."""
