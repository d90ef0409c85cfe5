"""Share an encoder: a folder that others load, and the Hugging Face Hub."""
