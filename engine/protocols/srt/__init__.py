"""SRT (draft-sharabayko-srt, as libsrt 1.5 speaks it), sans-IO.

packets.py       the header of every packet, and data packets
control.py       one Struct per control type
numbers.py       the numbers that wrap around
"""
