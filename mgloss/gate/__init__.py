"""The gate: other people's losses under the laws, on the command line and in pytest."""
