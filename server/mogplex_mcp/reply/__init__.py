"""What the model reads: replies, their text, their size, and the words of others in them."""
