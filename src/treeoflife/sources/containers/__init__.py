"""Reading folders of images, such folders in archives, and tars."""
