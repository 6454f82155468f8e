"""Publishing a dataset: its card, its Croissant description, and the upload to the Hugging Face Hub."""
