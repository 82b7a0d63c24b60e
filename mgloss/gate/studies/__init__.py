"""What the commands other than check find out and show."""
