"""Histogram buckets, in the unit of their names. Each set spans what the thing measured can sensibly be,
about three a decade; a bucket costs a line per scrape and label set, so none is there for looks."""

from typing import Final

LATENCY_S: Final = (0.0001, 0.0003, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.12, 0.2, 0.35, 0.5, 1.0)
"""From a loop-back hop to a stall. 0.12 is the promise for the adaptive tick, 0.35 the tick that SRS has."""

PASS_S: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""One walk over the players of a log; about 1 ms is the budget between two yields."""

JOIN_S: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""0.05 is the promise for `keyframe`; `live` waits for a GOP, which may take seconds."""

LAG_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0, 60.0)
"""4 is the default lag allowed, 60 the most that can be configured."""

REQUEST_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

OUTSIDE_S: Final = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0)
"""From a service next door to one across an ocean that thinks; 3 is the default deadline."""

SESSION_S: Final = (1.0, 10.0, 60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0)
"""Down to a second, because sessions that end at once are the ones somebody asks about."""

PROCESSING_S: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0, 10.0)
"""From one audio frame to a worker that was stopped while it had data in its hands."""

LOOP_LAG_S: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""0.1 is where the overload ladder begins by default."""

GC_PAUSE_S: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""A young collection takes a tenth of a millisecond; one of everything may take several."""

JITTER_S: Final = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""0.05 is the longest that tags gather before a pass of the packager."""

MESSAGE_BYTES: Final = (64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0)
"""From a ping to a keyframe, each four times the one before."""

RTT_S: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""From the same building, over a continent (0.05) and an ocean (0.2), to a satellite and its queue."""

SRT_HANDSHAKE_S: Final = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0)
"""0.2 is the promise; libsrt gives up after 3."""

LINK_BPS: Final = (1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9)
"""From a link that hardly carries one stream to gigabit Ethernet, bits per second."""

DECISION_S: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0, 30.0)
"""From a service on the same machine to the longest time-out it can be given; 3 is the default one."""
