"""What holds where a person says nothing; apart, so that `--help` imports no more than this."""

DEFAULT_CLAIMS = "batch"
DEFAULT_TIMEOUT = 10.0  # seconds for one batch
DEFAULT_MEMORY = 4.0  # GiB for the process that runs a loss
DEFAULT_EXAMPLES = 100  # batches to try before a law is taken to hold
DEFAULT_SEED = 0
