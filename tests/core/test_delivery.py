"""What is sent when: the window, going back, and those who watch while the recorder is away."""

import math

from edge.delivery import Delivery

LAST = 10_000


def send(delivery: Delivery, now: float = 0.0) -> int:
    """Send whatever may be sent; the last sequence sent."""
    while (todo := delivery.next(LAST))[1]:
        delivery.sent(todo[0] + todo[1], now)
    return delivery.next(LAST)[0]


def begun(at: int = 0, **options: float) -> Delivery:
    delivery = Delivery(500, **options)
    delivery.begin(at)
    return delivery


def test_sends_a_window_and_slides_it_with_acknowledgements() -> None:
    delivery = begun(at=100)
    assert send(delivery) == 600
    delivery.acknowledge(300, 1.0)
    assert delivery.next(LAST) == (600, 200)


def test_never_sends_what_is_not_there() -> None:
    delivery = begun()
    assert delivery.next(7) == (0, 7)
    assert delivery.next(0) == (0, 0)


def test_goes_back_when_asked_to() -> None:
    delivery = begun()
    send(delivery)
    delivery.acknowledge(20, 1.0, resend=True)
    assert delivery.next(LAST) == (20, 500)


def test_an_old_acknowledgement_takes_nothing_back() -> None:
    delivery = begun()
    send(delivery)
    delivery.acknowledge(400, 1.0)
    delivery.acknowledge(10, 2.0)
    assert delivery.next(LAST) == (500, 400)


def test_goes_back_without_progress_each_time_later() -> None:
    delivery = begun(patience_s=5.0)
    send(delivery, now=0.0)
    assert not delivery.expire(4.9)
    assert delivery.expire(5.0)
    assert delivery.next(LAST) == (0, 500)
    send(delivery, now=5.0)
    assert not delivery.expire(14.9)
    assert delivery.expire(15.0)


def test_progress_restores_patience() -> None:
    delivery = begun(patience_s=5.0)
    for now in (0.0, 5.0, 15.0):
        send(delivery, now)
        delivery.expire(now + 100)
    delivery.acknowledge(1, 200.0)
    send(delivery, 200.0)
    assert delivery.expire(205.1)


def test_nothing_outstanding_never_expires() -> None:
    delivery = begun()
    send(delivery)
    delivery.acknowledge(500, 1.0)
    assert delivery.deadline == math.inf


def test_live_events_go_out_once_while_the_recorder_is_away() -> None:
    delivery = begun(patience_s=5.0)
    send(delivery)
    delivery.expire(5.0)
    assert send(delivery, 5.0) == LAST
    delivery.expire(100.0)
    assert delivery.next(LAST + 3) == (0, 500), "the window is tried again"
    delivery.sent(500, 100.0)
    assert delivery.next(LAST + 3) == (LAST, 3), "what follows it is not"


def test_without_a_recorder_everything_goes_out_once() -> None:
    delivery = begun(patience_s=math.inf)
    assert send(delivery) == LAST
    assert not delivery.expire(1e9)
