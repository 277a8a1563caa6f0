"""Webhooks as values and rules: what is told, who decides what, what is kept until it has arrived."""
