"""What watches Fanlight: Grafana's dashboards and the rules for quantiles, written from the catalogue; and
what the metrics of other systems are called here, for those who come with dashboards of theirs.

Nothing of this runs with the engine. `make dashboards` writes the files, and a house test holds that they are
what this package writes. Every query goes through `monitoring.queries`, which knows the
catalogue: a metric that is renamed, or a label that it does not have, is an error there and no empty panel.
"""
