"""What holds where a person says nothing; apart, so that `--help` imports no more than this."""

DEFAULT_CLAIMS = "batch"
DEFAULT_TIMEOUT = 10.0  # seconds for one batch
DEFAULT_MEMORY = 4.0  # GiB for the process that runs a loss
DEFAULT_EXAMPLES = 100  # batches to try before a law is taken to hold
DEFAULT_SEED = 0

# What may be said of a component, by option.
ROLE_HELP = {
    "background": "This component also teaches the background.",
    "objects": "Objects alone contribute to this component.",
    "metric": "This component is a metric; nothing is trained by it.",
    "detached": "Something in this component is held constant by design; the law gradient leaves "
    "it out.",
    "component": "The loss returns one number: this component, such as location.",
}
