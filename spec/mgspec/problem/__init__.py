"""What a loss is asked: options, normalizations, the layout of arrays, descriptions of images."""
