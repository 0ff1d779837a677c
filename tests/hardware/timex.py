"""The kernel's word on its clock (adjtimex(2))."""

import ctypes

from edge.clock import TIMEX_BYTES

ADJ_STATUS, ADJ_MAXERROR, ADJ_ESTERROR, STA_UNSYNC = 0x10, 0x4, 0x8, 0x40
STATUS_AT = 40
"""Where `status` is in struct timex of a 64-bit Linux."""


def synchronise(trusted: bool) -> None:
    """Tell the kernel that its clock is synchronised, as a time daemon does, or that it is not."""
    timex = ctypes.create_string_buffer(TIMEX_BYTES)
    ctypes.c_uint.from_buffer(timex, 0).value = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR
    ctypes.c_int.from_buffer(timex, STATUS_AT).value = 0 if trusted else STA_UNSYNC
    assert ctypes.CDLL(None, use_errno=True).adjtimex(timex) >= 0
