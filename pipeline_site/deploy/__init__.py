"""From this folder to AWS and back: the package for Lambda, its checks, and the steps of a deployment."""


class DeployError(Exception):
    """It can't go on; the text is one sentence for the person at the terminal: what, where, what to do."""
