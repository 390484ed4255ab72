"""The report page: one HTML file that needs nothing else. Text in, text out; it reads no files and measures nothing."""
