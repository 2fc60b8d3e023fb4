"""Pages for people, and the program that makes the ones that follow from the code."""
