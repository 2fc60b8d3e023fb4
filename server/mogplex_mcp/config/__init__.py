"""Configuration: options of the environment and the command line, and the settings made from them."""
