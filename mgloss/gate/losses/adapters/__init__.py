"""One adapter a framework, and how a foreign loss is evaluated by whichever it is."""
