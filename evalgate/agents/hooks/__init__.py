"""Commands around the agent: they set the state of services up, and take them down."""
