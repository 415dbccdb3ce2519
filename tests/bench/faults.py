"""What goes wrong in a soak, one after the other, and what callers may be told while it does."""

from __future__ import annotations

import itertools
import random
import resource
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.asking import Asked
from bench.host import FIRST, SECOND, WORDPRESS, Host, Service

_LATE_S = 6.0  # the sidecar looks every five seconds whether Box is there again
# A store that is back is told which log-outs it has missed, within six seconds, on a busy machine later: what is being
# made for one of these people then ends with it.
_LATE_OF_LOG_OUTS_S = 15.0
_LATE_OF_PHP_S = 15.0  # which leaves a sidecar alone for ten seconds that has let it wait
_AT_A_KILL_S = 0.2  # until the kernel has closed what a killed process had open


@dataclass(frozen=True)
class Fault:
    """Something that begins and ends.

    ``tells`` are the codes that answers may carry meanwhile, on the servers that it is ``at``; connections may
    break where it ``breaks`` them. A kill breaks those under way, which is noted at the service.
    """

    name: str
    begin: Callable[[Host], object]
    end: Callable[[Host], object] = lambda _: None
    tells: frozenset[str] = frozenset()
    breaks: frozenset[str] = frozenset()
    at: frozenset[str] = frozenset({FIRST, SECOND, WORDPRESS})
    needs: Callable[[Host], bool] = lambda _: True


def _of(name: str, *, at: str, begin: Callable[[Service], object], **more: object) -> Fault:
    """One of the first sidecar's, or of the second's."""
    served = frozenset({FIRST, WORDPRESS} if at == FIRST else {SECOND})
    end: Callable[[Service], object] = more.pop("end", lambda _: None)  # type: ignore[assignment]
    return Fault(
        f"{name} ({at})",
        lambda host: begin(host.services[at]),
        lambda host: end(host.services[at]),
        at=served,
        **more,  # type: ignore[arg-type]
    )


_DOWN = frozenset({"box_unavailable", "health 503"})
_LIMITED = frozenset({"box_rate_limited", "health 503"})
_NOT_SURE = frozenset({"tokens_revoked"})  # what a sidecar can't have heard of may have been a log-out
# PHP's words for a connection that broke, or took too long. And tokens from before, in the ledger, of who logged out
# within a day are ended at a start, with those that are being made just then.
_BEGUN_ANEW = _NOT_SURE | {"sidecar_unreachable", "sidecar_bad_answer", "sidecar_timeout"}
_NO_AUDIT = frozenset({"not_ready", "health 503"})


def _box_fails(kind: str, status: int, **headers: str) -> Callable[[Host], None]:
    return lambda host: host.box.fault(kind, status=status, headers=headers, times=None)


def _box_is_well(host: Host) -> None:
    host.box.clear_faults()


def _slow(milliseconds: float) -> Callable[[Host], object]:
    return lambda host: host.box.settings(latency_ms=milliseconds)


def _new_key(host: Host) -> None:
    host.box.renew_key()
    host.take_key()
    _reload(host)


def _reload(host: Host) -> None:
    for service in host.services.values():
        service.reload()


def _store_comes_back(host: Host) -> None:
    host.store.stop()
    host.store.start()


def _store_is(limit: str) -> Callable[[Host], object]:
    return lambda host: host.store.client.config_set("maxmemory", limit)


def _kill_store(host: Host) -> None:
    assert host.store.process
    host.store.process.signal(9)


def _use_up_descriptors(service: Service) -> None:
    used = service.descriptors()
    least = next(number for number in range(100_000) if number not in used)
    _, most = resource.prlimit(service.worker, resource.RLIMIT_NOFILE)
    resource.prlimit(service.worker, resource.RLIMIT_NOFILE, (least, most))


def _give_descriptors(service: Service) -> None:
    _, most = resource.prlimit(service.worker, resource.RLIMIT_NOFILE)
    resource.prlimit(service.worker, resource.RLIMIT_NOFILE, (most, most))


@dataclass
class _Idlers:
    """Three hundred who connect and say nothing."""

    connected: list[socket.socket] = field(default_factory=list)

    def come(self, service: Service) -> None:
        for _ in range(300):
            self.connected.append(socket.socket(socket.AF_UNIX))
            self.connected[-1].connect(str(service.sidecar.socket))

    def go(self, _: Service) -> None:
        for one in self.connected:
            one.close()
        self.connected.clear()


def _is_small(name: str) -> Callable[[Host], bool]:
    return lambda host: host.services[name].disk.is_small


_idlers = _Idlers()

FAULTS = (
    Fault("Box is slow", _slow(1000), _slow(0)),
    Fault("Box is down", lambda h: h.line.do(h.line.cut()), lambda h: h.line.do(h.line.open()), _DOWN),
    Fault("Box says 429", _box_fails("status", 429, **{"Retry-After": "2"}), _box_is_well, _LIMITED),
    Fault("Box says 503", _box_fails("status", 503), _box_is_well, _DOWN),
    Fault("Box answers a page", _box_fails("html", 200), _box_is_well, _DOWN),
    Fault("store killed", _kill_store, _store_comes_back, tells=_NOT_SURE),
    Fault("store hangs", lambda host: host.store.pause(), lambda host: host.store.go_on(), tells=_NOT_SURE),
    Fault("store full", _store_is("1"), _store_is("0"), tells=_NOT_SURE),
    Fault("store flushed", lambda host: host.store.client.flushall(), tells=_NOT_SURE),
    _of("worker killed", at=FIRST, begin=Service.kill_worker, tells=_BEGUN_ANEW),
    _of("master killed", at=FIRST, begin=Service.kill_master, tells=_BEGUN_ANEW),
    _of("restart", at=FIRST, begin=Service.restart, tells=_NOT_SURE),
    Fault("reload", _reload),
    Fault("another key", _new_key, lambda host: host.box.remove_old_key()),
    _of("disk full", at=FIRST, begin=lambda s: s.disk.fill(), end=lambda s: s.disk.empty(),
        tells=_NO_AUDIT, needs=_is_small(FIRST)),
    _of("disk full", at=SECOND, begin=lambda s: s.disk.fill(), end=lambda s: s.disk.empty(),
        tells=_NO_AUDIT, needs=_is_small(SECOND)),
    _of("no descriptors", at=SECOND, begin=_use_up_descriptors, end=_give_descriptors, tells=_DOWN),
    _of("idle crowd", at=SECOND, begin=_idlers.come, end=_idlers.go),
    _of("clock a day ahead", at=SECOND, begin=lambda s: s.clock.jump(86_400), end=lambda s: s.clock.jump(0)),
    _of("clock three hours behind", at=FIRST, begin=lambda s: s.clock.jump(-10_800), end=lambda s: s.clock.jump(0)),
    Fault("PHP killed", lambda host: host.wordpress.kill(), lambda host: host.wordpress.come_back(),
          breaks=frozenset({WORDPRESS})),
)  # fmt: skip


def explains(fault: Fault, began: float, ended: float, asked: Asked, kills: Sequence[float]) -> bool:
    """Whether a fault that lasted from then to then is why somebody did not get what was asked for; ``kills`` are when
    processes of the server were killed. All times are of one clock.
    """
    late = _LATE_OF_LOG_OUTS_S if asked.outcome in _NOT_SURE else _LATE_S
    late = _LATE_OF_PHP_S if asked.server == WORDPRESS else late
    if asked.ended < began or asked.began > ended + late:
        return False
    if asked.is_broken:
        under_way = any(asked.began - _AT_A_KILL_S <= kill <= asked.ended for kill in kills if kill >= began - 1)
        return under_way or asked.server in fault.breaks
    return asked.server in fault.at and asked.outcome in fault.tells


def schedule(seed: int, host: Host) -> Iterator[tuple[Fault, bool]]:
    """All that can go wrong here, again and again, each round in another order; and whether it is the first round."""
    chance = random.Random(seed)
    possible = [fault for fault in FAULTS if fault.needs(host)]
    for round_ in itertools.count():
        for fault in chance.sample(possible, len(possible)):
            yield fault, round_ == 0
