"""Lists of addresses -> archives of images, or the reasons why there are none."""
