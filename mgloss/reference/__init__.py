"""The reference loss of a MultiGrid detector, in TensorFlow."""
