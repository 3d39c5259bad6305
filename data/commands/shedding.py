"""What is still taken when the disk is short?"""

from data.config.room import Room, room
from data.domain.refusal import Refusal

RETRY_AFTER = 30
_WORDS = {
    Room.LOW: ("磁盘不足，暂停模拟与历史装载", "the disk is short: no simulation or history is written"),
    Room.READINGS: ("磁盘不足，暂不接收读数", "the disk is short: no readings are taken for now"),
    Room.REPORTS: ("磁盘不足，暂不接收上报", "the disk is short: no reports are taken for now"),
    Room.ACTS: ("磁盘不足，暂停一切写入", "the disk is short: nothing is written for now"),
}  # fmt: skip


def refuse_when_short(asked: Room) -> None:
    """What is refused is named by the step that refuses it first; sent again later, nothing is lost."""
    if room() >= asked:
        zh, en = _WORDS[asked]
        raise Refusal("disk_short", zh, en, status=507, retry_after=RETRY_AFTER)
