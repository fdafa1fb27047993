"""The life of a process tree: start, stop, reload, and those who ask about it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from postfix import free_port
from program import ROOT
from tree import PATIENCE, Tree, talk

pytestmark = pytest.mark.loopback


def test_the_collector_passes_over_what_a_worker_begins_with(tree: Tree) -> None:
    tree.start()
    assert tree.say("collector") == "True 10000"


def test_it_serves_and_stops(tree: Tree) -> None:
    tree.start()
    assert tree.say("echo hello") == "hello"
    assert tree.stop() == 0
    assert "error" not in tree.log()
    assert not (tree.folder / "echo").exists(), "the socket is taken away"
    assert not (tree.folder / "status").exists()


def test_all_workers_share_the_socket(tree: Tree) -> None:
    tree.configure(workers=3)
    tree.start()
    wanted = set(tree.pids())
    assert len(wanted) == 3
    found: set[int] = set()

    def all_answered() -> bool:
        found.add(int(tree.say("who")))
        return found == wanted

    tree.wait_for(all_answered, "an answer of each worker")


def test_what_is_in_work_is_finished_at_a_stop(tree: Tree) -> None:
    tree.start()
    with tree.connect() as client:
        client.sendall(b"sleep 1\n")
        tree.wait_for(lambda: any(one["oldest_request"] for one in tree.status()["processes"]))
        tree.signal(signal.SIGTERM)
        assert client.recv(100) == b"slept\n"
    assert tree.wait() == 0


def test_what_is_in_work_is_finished_though_it_takes_longer_than_silence_may(tree: Tree) -> None:
    tree.start()
    with tree.connect() as client:
        client.sendall(b"sleep 4\n")
        tree.wait_for(lambda: any(one["oldest_request"] for one in tree.status()["processes"]))
        tree.reload()
        assert client.recv(100) == b"slept\n"
    assert "silent" not in tree.log()
    assert tree.status()["restarts"]["total"] == 0


def test_a_stop_ends_within_its_limit(tree: Tree) -> None:
    tree.configure(stop=0.5)
    tree.start()
    with tree.connect() as client:
        client.sendall(b"sleep 600\n")
        tree.wait_for(lambda: any(one["oldest_request"] for one in tree.status()["processes"]))
        assert tree.stop() == 0
        assert client.recv(10) == b"", "what could not be finished has no answer"


def test_a_second_signal_ends_it_at_once(tree: Tree) -> None:
    tree.configure(stop=600, request=900, silence=600)
    tree.start()
    with tree.connect() as client:
        assert talk(client, "who")  # so that a worker has the connection, and waits for more
        client.sendall(b"spin\n")
        tree.signal(signal.SIGTERM)
        tree.wait_for_log("the service is stopping")
        tree.signal(signal.SIGINT)
        assert tree.wait() == 0


# Reload


def secret(tree: Tree, content: str) -> None:
    (tree.folder / "secret").write_text(content)


@pytest.fixture
def secretive(tree: Tree) -> Tree:
    """A service with a file beside its configuration."""
    secret(tree, "first")
    tree.configure(f'map = "{tree.folder}/secret"')
    return tree.start()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_reload_reads_secrets_again(secretive: Tree, number: signal.Signals) -> None:
    secret(secretive, "second")
    secretive.reload(number)
    assert secretive.say("secret") == "second"
    assert secretive.status()["restarts"]["total"] == 0


def test_a_signal_to_reload_that_reaches_all_processes_ends_none(tree: Tree) -> None:
    """As `systemctl kill` sends it by default."""
    tree.start()
    tree.wait_for(lambda: tree.pids("observer"), "the observer")
    for pid in {*tree.pids(), *tree.pids("observer")}:
        os.kill(pid, signal.SIGHUP)
        os.kill(pid, signal.SIGUSR1)
    tree.reload(signal.SIGUSR1)
    assert tree.status()["restarts"]["total"] == 0


def test_PFX_12_a_request_in_work_survives_a_reload(secretive: Tree) -> None:
    with secretive.connect() as client:
        client.sendall(b"sleep 1\n")
        secretive.wait_for(
            lambda: any(one["oldest_request"] for one in secretive.status()["processes"])
        )
        secretive.signal(signal.SIGHUP)
        assert client.recv(100) == b"slept\n"
    secretive.wait_for_log("generation 2 serves")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda tree: (tree.folder / "secret").unlink(), "secret: No such file or directory"),
        (lambda tree: tree.file.write_text("[service"), "not TOML"),
        (lambda tree: tree.file.write_text("[service]\nworkres = 3"), "do you mean workers?"),
        (lambda tree: tree.file.unlink(), "cannot be read"),
        (lambda tree: secret(tree, "bug"), "RuntimeError: nobody thought of this"),
        (lambda tree: secret(tree, "broken"), "a worker of the new configuration failed"),
        (
            lambda tree: secret(tree, "cannot serve"),
            "a server that cannot serve",
        ),
        (lambda tree: secret(tree, "late"), "was not ready within 3 s"),
    ],
    ids=[
        "no secrets",
        "no TOML",
        "a misspelt key",
        "no file",
        "a fault of the program",
        "no worker starts",
        "none serves",
        "none is ready",
    ],
)
def test_OPS_02_a_broken_reload_keeps_the_old_state(
    tree: Tree, spoil: Callable[[Tree], object], words: str
) -> None:
    secret(tree, "first")
    tree.configure(f'map = "{tree.folder}/secret"', start=3)
    tree.start()
    before = set(tree.pids())
    spoil(tree)
    tree.signal(signal.SIGHUP)
    tree.wait_for_log("the old configuration and the old secrets stay in force", words)
    assert tree.say("secret") == "first"
    tree.wait_for(lambda: tree.state() == "serving")
    assert set(tree.pids()) == before


def test_a_reload_adds_and_removes_listeners(tree: Tree) -> None:
    tree.start()
    other = f"unix:{tree.folder}/other"
    with tree.connect() as client:
        tree.file.write_text(tree.file.read_text().replace(tree.socket, other))
        tree.reload()
        assert tree.say("echo new", other) == "new"
        assert client.recv(10) == b"", "the connection to the old workers is drained"
    assert not (tree.folder / "echo").exists()


def is_refused(tree: Tree, address: str) -> bool:
    try:
        tree.connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_listener_that_a_reload_takes_away_is_free_again(tree: Tree) -> None:
    """Who still connects is refused, not left waiting; another reload may have it back."""
    taken = f"inet:127.0.0.1:{free_port()}"
    with_it = f'[[listen]]\nkind = "echo"\naddress = "{taken}"'
    tree.configure(with_it)
    tree.start()
    tree.configure()
    tree.reload()
    tree.wait_for(lambda: is_refused(tree, taken), "the last old process to go")
    tree.configure(with_it)
    tree.reload()
    assert tree.say("echo again", taken) == "again"


def test_a_listener_that_is_taken_away_refuses_though_a_request_is_still_in_work(
    tree: Tree,
) -> None:
    """Neither its clients nor the next reload wait for what the old workers are at."""
    listener, metrics = (f"inet:127.0.0.1:{free_port()}" for _ in range(2))
    with_it = f'[[listen]]\nkind = "echo"\naddress = "{listener}"'
    tree.configure(with_it, service=f'metrics = "{metrics}"', stop=600, request=600)
    tree.start()
    generation = tree.status()["generation"]
    with tree.connect() as client:
        client.sendall(b"sleep 600\n")
        tree.wait_for(lambda: any(one["oldest_request"] for one in tree.status()["processes"]))
        tree.configure()
        tree.signal(signal.SIGHUP)
        tree.wait_for(lambda: is_refused(tree, listener) and is_refused(tree, metrics))
        tree.configure(with_it, service=f'metrics = "{metrics}"')
        tree.signal(signal.SIGHUP)
        tree.wait_for(lambda: tree.status()["generation"] == generation + 2, "the reload")
        assert tree.say("echo again", listener) == "again"
        client.settimeout(0)
        with pytest.raises(BlockingIOError):
            client.recv(100)
        tree.signal(signal.SIGTERM)
        tree.wait_for(lambda: is_refused(tree, listener))
        with pytest.raises(BlockingIOError):
            client.recv(100)
    tree.signal(signal.SIGTERM)
    assert tree.wait() == 0


def test_OPS_02_a_reload_that_cannot_listen_takes_no_address(tree: Tree) -> None:
    """What it had opened by then is free again, for the next one too."""
    tree.start()
    new = f"unix:{tree.folder}/new"
    listens = f'[[listen]]\nkind = "echo"\naddress = "{new}"\n'
    nowhere = f'[[listen]]\nkind = "echo"\naddress = "unix:{tree.folder}/none/x"\n'
    tree.configure(listens + nowhere)
    tree.signal(signal.SIGHUP)
    tree.wait_for_log("not reloaded: cannot listen at", "stay in force")
    assert not (tree.folder / "new").exists()
    assert tree.say("echo old") == "old"
    tree.configure(listens)
    tree.reload()
    assert tree.say("echo new", new) == "new"


def mode(tree: Tree) -> int:
    return (tree.folder / "echo").stat().st_mode & 0o777


def test_a_reload_gives_a_socket_its_new_mode(tree: Tree) -> None:
    tree.configure("mode = 0o666")
    tree.start()
    assert mode(tree) == 0o666
    tree.configure("mode = 0o600")
    tree.reload()
    assert mode(tree) == 0o600
    assert tree.say("echo x") == "x"


def test_OPS_02_a_reload_that_fails_leaves_a_socket_its_mode(tree: Tree) -> None:
    tree.start()
    secret(tree, "broken")
    tree.configure(f'map = "{tree.folder}/secret"\nmode = 0o666')
    tree.signal(signal.SIGHUP)
    tree.wait_for_log("the old configuration and the old secrets stay in force")
    assert mode(tree) == 0o660


def test_a_mode_that_cannot_be_given_is_told(tree: Tree) -> None:
    tree.start()
    (tree.folder / "echo").unlink()
    tree.configure("mode = 0o600")
    tree.reload()
    told = f"{tree.socket} keeps its mode and group: No such file or directory"
    assert told in tree.log()


def test_a_reload_keeps_the_connections_that_wait(secretive: Tree) -> None:
    """The listening socket stays open, so nobody is refused meanwhile."""
    for number in range(3):
        secretive.signal(signal.SIGHUP)
        for _ in range(20):
            secretive.connect().close()
        secretive.wait_for_log(f"generation {number + 2} serves")


# Those who ask


def test_SIGQUIT_shows_stacks_and_ends_nothing(tree: Tree) -> None:
    tree.start()
    for role, frame in [("worker", "in work\n"), ("observer", "in observe\n")]:
        mark = len(tree.log())
        pid = tree.wait_for(lambda role=role: tree.pids(role), role)[0]  # type: ignore[misc]
        os.kill(pid, signal.SIGQUIT)
        tree.wait_for_log("most recent call first", frame, since=mark)
        assert pid in tree.pids(role)
    mark = len(tree.log())
    tree.signal(signal.SIGQUIT)
    tree.wait_for_log("supervisor.py", since=mark)
    assert tree.say("echo alive") == "alive"
    assert tree.stop() == 0


def test_the_status_is_what_is_so(tree: Tree) -> None:
    tree.start()
    assert tree.say("echo x") == "x"
    tree.wait_for(lambda: tree.status()["figures"][tree.socket][0] >= 1, "the figures")
    told = tree.status()
    assert told["pid"] == tree.process.pid
    assert told["generation"] == 1
    assert {one["role"] for one in told["processes"]} == {"worker", "observer"}
    for one in told["processes"]:
        assert 0 <= one["beat_age"] <= one["uptime"]
    assert (tree.folder / "status").stat().st_mode & 0o777 == 0o660


def test_no_image_of_the_memory_reaches_a_disk(tree: Tree) -> None:
    tree.start()
    for pid in (tree.process.pid, *tree.pids()):
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    told = "import ctypes; print(ctypes.CDLL(None).prctl(3))  # PR_GET_DUMPABLE"
    code = (
        f"from mailauth.service.processes import privileges\nprivileges.forbid_core_dumps()\n{told}"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT) == b"0\n"


def test_a_client_of_the_status_that_does_not_read_holds_nobody_up(tree: Tree) -> None:
    tree.start()
    clients = [tree.connect(f"unix:{tree.folder}/status") for _ in range(50)]
    assert tree.status()["state"] == "serving"
    for client in clients:
        client.close()


def response(port: int) -> tuple[bytes, bytes]:
    """Head and body of the response to who asks for metrics."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = b""
        while octets := client.recv(65_536):
            reply += octets
    head, _, body = reply.partition(b"\r\n\r\n")
    return head, body


def metrics(port: int) -> str:
    head, body = response(port)
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain")
    return body.decode()


def figure(text: str, name: str) -> float:
    found = re.search(rf"^{name}(?:{{.*}})? ([0-9.e+]+)$", text, re.MULTILINE)
    return float(found[1]) if found else -1.0


def test_metrics_go_on_when_workers_are_replaced(tree: Tree) -> None:
    port = free_port()
    tree.configure(workers=1, service=f'metrics = "inet:127.0.0.1:{port}"')
    tree.start()
    with tree.connect() as client:
        for _ in range(10):
            assert talk(client, "echo x") == "x"
    name = "mailauth_requests_total{.*found.*}"
    tree.wait_for(lambda: figure(metrics(port), name) >= 10, "ten requests")
    os.kill(tree.pids()[0], signal.SIGKILL)
    tree.wait_for(lambda: figure(metrics(port), "mailauth_restarts_total") == 1, "the restart")
    assert figure(metrics(port), name) >= 10
    tree.wait_for(lambda: figure(metrics(port), "mailauth_workers") == 1, "the new worker")


def with_metrics(tree: Tree) -> int:
    """Start the service with metrics; their port."""
    port = free_port()
    tree.configure(service=f'metrics = "inet:127.0.0.1:{port}"')
    tree.start()
    tree.wait_for(lambda: tree.pids("observer"), "the observer")
    return port


def test_OPS_14_metrics_of_a_supervisor_that_stands_still_are_not_shown(tree: Tree) -> None:
    """They would look sound for ever: the ages in them are those of the last telling."""
    port = with_metrics(tree)
    tree.wait_for(lambda: response(port)[0].startswith(b"HTTP/1.1 200 "), "the metrics")
    tree.signal(signal.SIGSTOP)
    try:
        tree.wait_for(lambda: response(port)[0].startswith(b"HTTP/1.1 503 "), "the silence")
        assert response(port)[1].startswith(b"the supervisor has sent nothing for ")
    finally:
        tree.signal(signal.SIGCONT)
    tree.wait_for(lambda: response(port)[0].startswith(b"HTTP/1.1 200 "), "the metrics again")


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["without an end", "with one"])
def test_a_client_of_the_metrics_that_says_too_much_is_left(tree: Tree, end: bytes) -> None:
    port = with_metrics(tree)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        with suppress(ConnectionError):
            client.sendall(b"GET /" + b"x" * 200_000 + end)
        with suppress(ConnectionError):
            assert client.recv(100) == b""
    assert "mailauth_workers" in metrics(port)
    assert tree.stop() == 0
    assert "exception" not in tree.log().lower()


def test_silent_clients_of_the_metrics_hold_nobody_up(tree: Tree) -> None:
    port = with_metrics(tree)
    silent = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(10)]
    assert "mailauth_workers" in metrics(port)
    for client in silent:
        client.close()


def test_a_silent_client_of_the_metrics_is_left_at_a_stop_without_a_traceback(tree: Tree) -> None:
    port = with_metrics(tree)
    with socket.create_connection(("127.0.0.1", port), PATIENCE):
        assert "mailauth_workers" in metrics(port), "the silent one is accepted too by now"
        assert tree.stop() == 0
    assert "Traceback" not in tree.log()


# systemd


def test_systemd_is_told(tree: Tree) -> None:
    path = tree.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(PATIENCE)

        def wait_for(word: bytes) -> bytes:
            until = time.monotonic() + PATIENCE
            while word not in (said := manager.recv(4096)):
                assert time.monotonic() < until, f"waited for {word!r} in vain"
            return said

        tree.start(env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "600000"})
        wait_for(b"READY=1\nSTATUS=2 workers serve.")
        wait_for(b"WATCHDOG=1")
        tree.signal(signal.SIGHUP)
        assert b"MONOTONIC_USEC=" in wait_for(b"RELOADING=1")
        wait_for(b"READY=1")
        tree.signal(signal.SIGTERM)
        wait_for(b"STOPPING=1")
    assert tree.wait() == 0


def test_a_manager_that_does_not_read_stops_nothing(tree: Tree) -> None:
    path = tree.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        tree.start(env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000"})
        tree.wait_for(lambda: tree.status()["uptime"] > 2, "the queue to be full")
        assert tree.say("echo alive") == "alive"


def test_sockets_are_taken_over_from_systemd(tree: Tree) -> None:
    tree.configure()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as given:
        given.bind(str(tree.folder / "echo"))
        given.listen()
        number = given.fileno()
        script = f'exec 3<&{number}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        tree.start(prefix=["bash", "-c", script, "bash"], pass_fds=[number])
        assert tree.say("echo x") == "x"
        assert tree.stop() == 0
    assert (tree.folder / "echo").exists(), "it belongs to the manager"


def test_a_socket_of_systemd_that_is_not_configured_is_told_and_closed(tree: Tree) -> None:
    other = f"unix:{tree.folder}/other"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as given:
        given.bind(str(tree.folder / "other"))
        given.listen()
        number = given.fileno()
        script = f'exec 3<&{number} {number}<&-; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        tree.start(prefix=["bash", "-c", script, "bash"], pass_fds=[number])
    assert f"{tree.folder}/other was handed over, but is not configured" in tree.log()
    assert is_refused(tree, other)
    assert tree.say("echo x") == "x"


# What a process may do


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_OPS_03_root_is_given_up_for_good(tree: Tree) -> None:
    import grp
    import pwd

    group = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
    tree.configure(f'group = "{group}"', service='user = "nobody"')
    tree.folder.chmod(0o755)
    tree.start(prefix=["setpriv", "--groups=0,4"])  # the groups of root, as at a login
    uid, gid = pwd.getpwnam("nobody")[2:4]
    assert tree.say("ids") == f"{(uid, uid, uid)} {(gid, gid, gid)} []"
    for pid in tree.processes():
        status = Path(f"/proc/{pid}/status").read_text()
        assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status
        assert re.search(r"CapEff:\s0+$", status, re.MULTILINE)
    made = (tree.folder / "echo").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (uid, gid, 0o660)


def test_OPS_03_another_user_needs_root(tree: Tree) -> None:
    if os.geteuid() == 0:
        reads = "+dac_override"  # a checkout below /root too, which is closed to others
        prefix = ["setpriv", "--reuid=65534", "--clear-groups"]
        prefix += [f"--inh-caps={reads}", f"--ambient-caps={reads}"]
    else:
        prefix = []
    tree.configure(service='user = "root"')
    tree.spawn(prefix=prefix)
    assert tree.wait() == 2
    assert "only root can become user root" in tree.log()


def test_OPS_06_no_core_is_dumped(tree: Tree) -> None:
    tree.start()
    assert tree.say("core") == "(0, 0) 0"


def test_MIL_07_the_memory_of_a_worker_is_bounded(tree: Tree) -> None:
    tree.configure(workers=1, service="memory = 512")
    tree.start()
    assert tree.say("gorge 8") == "8 taken"
    assert tree.say("gorge 600") == "refused"
    assert tree.say("echo still here") == "still here"


def test_the_supervisor_has_one_thread_and_hears_no_client(tree: Tree) -> None:
    tree.start()
    pid = tree.process.pid
    assert "Threads:\t1\n" in Path(f"/proc/{pid}/status").read_text()
    with tree.connect() as client:
        assert int(talk(client, "who")) != pid
