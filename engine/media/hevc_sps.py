"""H.265: what stands in a sequence parameter set between the bit depth and the usability information (H.265
§7.3.2.2.1). None of it is needed; it has to be read because its parts have no lengths."""

from typing import Final

from engine.media.bits import BadConfig, BitReader

_MAX_SHORT_TERM_SETS: Final = 64  # num_short_term_ref_pic_sets, H.265 §7.4.3.2.1
_MAX_LONG_TERM: Final = 32  # num_long_term_ref_pics_sps, there
_MAX_REFERENCES: Final = 16  # pictures of one set: MaxDpbSize, H.265 annex A.4.2


def skip_to_vui(bits: BitReader, sub_layers: int) -> None:
    """From behind bit_depth_luma_minus8 to vui_parameters_present_flag; raises BadConfig.

    sub_layers: sps_max_sub_layers_minus1.
    """
    bits.ue()  # bit_depth_chroma_minus8
    order_bits = bits.ue() + 4  # log2_max_pic_order_cnt_lsb_minus4
    _skip_ue(bits, 3 * (sub_layers + 1 if bits.flag() else 1))  # sub_layer_ordering_info
    _skip_ue(bits, 6)  # sizes of coding and transform blocks
    if bits.flag() and bits.flag():  # enabled, and given here
        _skip_scaling_lists(bits)
    bits.skip(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag():  # pcm_enabled_flag
        bits.skip(8)
        _skip_ue(bits, 2)
        bits.skip(1)
    _skip_short_term_sets(bits)
    if bits.flag():  # long_term_ref_pics_present_flag
        bits.skip(_bounded(bits, _MAX_LONG_TERM) * (order_bits + 1))
    bits.skip(2)  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag


def _skip_ue(bits: BitReader, count: int) -> None:
    for _ in range(count):
        bits.ue()


def _bounded(bits: BitReader, most: int) -> int:
    count = bits.ue()
    if count > most:
        raise BadConfig(f"{count} of something of which there are {most} at most")
    return count


def _skip_scaling_lists(bits: BitReader) -> None:
    """H.265 §7.3.4."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if bits.flag():
                _skip_ue(bits, (size > 1) + min(64, 16 << 2 * size))  # se(v) is as long as ue(v)
            else:
                bits.ue()  # scaling_list_pred_matrix_id_delta


def _skip_short_term_sets(bits: BitReader) -> None:
    """H.265 §7.3.7. Each may be told by its difference to the one before."""
    before = 0
    for number in range(_bounded(bits, _MAX_SHORT_TERM_SETS)):
        before = _skip_difference(bits, before) if number and bits.flag() else _skip_set(bits)


def _skip_set(bits: BitReader) -> int:
    """Return how many pictures it has."""
    count = _bounded(bits, _MAX_REFERENCES) + _bounded(bits, _MAX_REFERENCES)
    for _ in range(count):
        bits.ue()  # delta_poc_minus1
        bits.skip(1)  # used_by_curr_pic_flag
    return count


def _skip_difference(bits: BitReader, before: int) -> int:
    """Return how many pictures of the set before, and itself, are in this one."""
    bits.skip(1)  # delta_rps_sign
    bits.ue()  # abs_delta_rps_minus1
    return sum(bits.flag() or bits.flag() for _ in range(before + 1))  # used_by_curr_pic_flag, use_delta_flag
