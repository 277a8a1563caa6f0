"""What a dead worker leaves on the board, for the one that takes its slot."""

from typing import NamedTuple

from shm.board import Board


class Buried(NamedTuple):
    """Players of one stream that went down with the slot's previous process, by protocol."""

    stream: int
    lease: int
    players_http: int
    players_ws: int
    players_rtmp: int
    players_srt: int
    players_mp4: int
    players_hls: int


def bury(board: Board, number: int, streams: int) -> tuple[Buried, ...]:
    """Read off the players of a dead worker, then clear its cell and rows; generations are counted on."""
    left = tuple(
        buried for stream in range(streams) if (buried := _left_in(board, number, stream)) is not None
    )
    cell = board.worker(number)
    generation = cell.generation
    board.clear_worker(number)
    cell.generation = generation + 1
    return left


def _left_in(board: Board, number: int, stream: int) -> Buried | None:
    row = board.row(number, stream)
    buried = Buried(
        stream,
        row.lease,
        row.players_http,
        row.players_ws,
        row.players_rtmp,
        row.players_srt,
        row.players_mp4,
        row.players_hls,
    )
    return buried if any(buried[2:]) else None
