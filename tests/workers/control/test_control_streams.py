"""Streams and workers as the API shows them: sums over all workers, whoever has died in between."""

from shm.board import WorkerState
from shm.directory import StreamState
from tests.workers.control.house import LINK, NOW_NS, House


def test_a_stream_is_shown_with_its_codecs_and_the_players_of_all_workers(house: House) -> None:
    slot = house.publish("live/a")
    first, second = house.row(1, slot), house.row(2, slot)
    first.players_http, first.players_ws, first.bytes_out, first.lag_ms_max = 3, 1, 700, 20
    second.players_http, second.players_rtmp, second.bytes_out, second.lag_ms_max = 4, 2, 300, 90
    second.players_srt = 5
    (shown,) = house.desk.streams.all(NOW_NS)
    assert (shown.players.http_flv, shown.players.ws_flv, shown.players.rtmp) == (7, 1, 2)
    assert (shown.players.srt, shown.players.total) == (5, 15)
    assert (shown.bytes_out, shown.lag_ms_max, shown.link) == (1000, 90, None)
    assert shown.video is not None
    assert (shown.video.codec, shown.video.width, shown.video.fps) == ("avc1", 640, 29.97)
    assert shown.audio is not None
    assert shown.audio.codec == "mp4a"
    assert (shown.state, shown.publisher, shown.last_tag_age_s) == ("live", "ingest0-000000000abc", 0.04)


def test_an_srt_publishers_link_is_told_by_libsrts_names(house: House) -> None:
    slot = house.publish("live/a")
    house.writer.set_link(slot, LINK)
    shown = house.desk.streams.find("live/a", NOW_NS)
    assert shown is not None
    assert shown.link is not None
    assert (shown.link.msRTT, shown.link.mbpsRecvRate, shown.link.mbpsBandwidth) == (60.5, 5.0, 80.0)
    assert (shown.link.msRTTVar, shown.link.pktCongestionWindow) == (4.5, 4096)
    assert (shown.link.pktFlowWindow, shown.link.pktFlightSize) == (8192, 0)
    assert (shown.link.pktRecvTotal, shown.link.pktRcvLossTotal, shown.link.pktRcvRecovered) == (1010, 20, 18)
    assert (shown.link.pktRcvDropTotal, shown.link.pktRcvRetransTotal) == (2, 30)
    assert (shown.link.pktRcvDuplicate, shown.link.pktRcvReordered) == (12, 3)
    assert (shown.link.msRcvBuf, shown.link.msRcvTsbPdDelay) == (240, 250)
    assert (shown.link.encryption, shown.link.peerVersion) == ("AES-256-CTR", "1.5.3")
    house.writer.set_state(slot, StreamState.GRACE)
    (waiting,) = house.desk.streams.all(NOW_NS)
    assert waiting.link is None


def test_a_row_about_the_slots_former_stream_does_not_count(house: House) -> None:
    slot = house.publish("live/a")
    house.row(1, slot).players_http = 9
    house.writer.free(slot)
    assert house.publish("live/b") == slot
    (shown,) = house.desk.streams.all(NOW_NS)
    assert (shown.name, shown.players.total) == ("live/b", 0)


def test_bytes_of_a_worker_that_died_stay_in_the_sum(house: House) -> None:
    slot = house.publish("live/a")
    house.row(1, slot).bytes_out, house.row(2, slot).bytes_out = 500, 50
    house.tally.keep(house.directory.all())
    house.board.clear_worker(1)
    assert house.tally.of(house.directory.get(slot)).bytes_out == 550
    house.row(1, slot).bytes_out = 7
    assert house.tally.of(house.directory.get(slot)).bytes_out == 557
    assert house.tally.of(house.directory.get(slot)).bytes_out == 557


def test_what_is_known_of_a_stream_goes_with_it(house: House) -> None:
    slot = house.publish("live/a")
    house.row(1, slot).bytes_out = 500
    house.tally.keep(house.directory.all())
    house.writer.free(slot)
    house.tally.keep(house.directory.all())
    assert house.publish("live/a") == slot
    assert house.tally.of(house.directory.get(slot)).bytes_out == 0


def test_a_stream_in_its_grace_time_has_no_publisher(house: House) -> None:
    house.writer.set_state(house.publish("live/a"), StreamState.GRACE)
    shown = house.desk.streams.find("live/a", NOW_NS)
    assert shown is not None
    assert (shown.state, shown.publisher) == ("grace", None)


def test_ready_means_a_beating_worker_in_every_role(house: House) -> None:
    assert house.staff.readiness(NOW_NS, 3.0).ready
    house.seat(1, state=WorkerState.DRAINING)
    assert house.staff.readiness(NOW_NS, 3.0).ready
    house.seat(2, now_ns=NOW_NS - 4_000_000_000)
    readiness = house.staff.readiness(NOW_NS, 3.0)
    assert (readiness.ready, readiness.waiting_for) == (False, ["fanout"])
    assert readiness.workers == {
        "ingest0": "ready",
        "fanout0": "draining",
        "fanout1": "ready",
        "control0": "ready",
    }


def test_workers_are_shown_as_the_board_has_them(house: House) -> None:
    house.board.clear_worker(2)
    ingest, _, empty, _ = house.staff.all(NOW_NS + 1_500_000_000)
    assert (ingest.name, ingest.pid, ingest.heartbeat_age_s, ingest.state) == ("ingest0", 1000, 1.5, "ready")
    assert (empty.name, empty.pid, empty.heartbeat_age_s, empty.state) == ("fanout1", None, None, "empty")
