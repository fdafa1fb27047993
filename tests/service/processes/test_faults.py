"""What goes wrong with a process, made to go wrong: no wrong answer, and the service comes back.

Each fault leaves its reason in the log.  That nothing of a tree survives its test
is asserted by the fixture.
"""

import fcntl
import os
import signal
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import descriptors
import pytest
from tree import ECHO, PATIENCE, Tree, talk

pytestmark = pytest.mark.loopback


def replaced(tree: Tree, pid: int) -> bool:
    """Whether the worker is gone and its successor works."""
    return pid not in (pids := tree.pids()) and len(pids) == 2


def letter(pid: int) -> str:
    """The state of a process as proc(5) writes it: T is stopped, Z is dead and not buried."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def test_OPS_14_a_stopped_worker_is_replaced(tree: Tree) -> None:
    tree.start()
    victim = tree.pids()[0]
    os.kill(victim, signal.SIGSTOP)
    log = tree.wait_for_log(f"the worker {victim} was silent for", "most recent call first")
    assert "in _run_once" in log, "its stacks, although it was stopped"
    tree.wait_for(lambda: replaced(tree, victim), "its successor")
    assert tree.say("echo back") == "back"


def test_OPS_14_workers_that_were_frozen_with_the_supervisor_are_kept(tree: Tree) -> None:
    tree.start()
    children = [*tree.pids(), *tree.wait_for(lambda: tree.pids("observer"))]
    for pid in (tree.process.pid, *children):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(4)  # twice as long as one may be silent
    for pid in (tree.process.pid, *children):  # the supervisor looks before they can beat
        os.kill(pid, signal.SIGCONT)
    tree.wait_for(lambda: all(one["beat_age"] < 1 for one in tree.status()["processes"]))
    assert sorted([*tree.pids(), *tree.pids("observer")]) == sorted(children)
    assert tree.status()["restarts"]["total"] == 0


def test_OPS_14_a_listener_that_accepts_and_is_silent(tree: Tree) -> None:
    """All workers beat, and nobody is answered: only a question from outside shows it."""
    tree.configure(workers=1, probe=1)
    tree.start()
    victim = tree.pids()[0]
    assert tree.say("deaf") == "deaf"
    tree.wait_for_log(f"did not answer at {tree.socket}; its stacks follow")
    tree.wait_for(lambda: victim not in tree.processes(), "its end")
    tree.wait_for(tree.pids, "its successor")
    assert tree.say("echo back") == "back"


def test_OPS_15_an_endless_loop_in_a_request(tree: Tree) -> None:
    tree.start()
    with tree.connect() as client:
        victim = int(talk(client, "who"))
        assert talk(client, "spin") == "", "no answer, and no wrong one"
    log = tree.log()
    assert f"the worker {victim} was silent for" in log
    assert "in do_spin" in log
    assert log.count("most recent call first") >= 2, "all threads"
    assert f"the worker {victim} is killed with its process group" in log
    tree.wait_for(lambda: replaced(tree, victim), "its successor")
    assert tree.say("echo back") == "back"


def test_a_request_over_its_deadline_costs_the_worker(tree: Tree) -> None:
    """The loop runs and beats; one request in it does not come to an end."""
    tree.configure(request=2)
    tree.start()
    with tree.connect() as client:
        victim = int(talk(client, "who"))
        assert talk(client, "sleep 600") == ""
    assert f"the worker {victim} has been working on one request for" in tree.log()
    assert "in do_sleep" in tree.log(), "where the task stands, not only the loop"
    tree.wait_for(lambda: replaced(tree, victim), "its successor")


def test_the_other_worker_serves_meanwhile(tree: Tree) -> None:
    tree.configure(silence=15, probe=60)
    tree.start()
    with tree.connect() as client:
        victim = int(talk(client, "who"))
        client.sendall(b"spin\n")
        time.sleep(0.2)  # for the loop to begin
        with tree.connect() as other:
            other.settimeout(5)
            assert int(talk(other, "who")) != victim
        tree.signal(signal.SIGTERM)
        tree.wait_for_log("the service is stopping")
        tree.signal(signal.SIGTERM)


STEPS = {
    "connected": b"",
    "half a request": b"ech",
    "in work": b"sleep 600\n",
    "after an answer": b"echo x\n",
}


@pytest.mark.parametrize("sent", STEPS.values(), ids=STEPS)
def test_SIGKILL_at_each_step_of_a_request(tree: Tree, sent: bytes) -> None:
    tree.start()
    with tree.connect() as client:
        victim = int(talk(client, "who"))
        client.sendall(sent)
        if sent.startswith(b"echo"):
            assert client.recv(10) == b"x\n"
        os.kill(victim, signal.SIGKILL)
        assert talk(client, "") == "", "closed, without an answer"
    assert tree.say("echo other") == "other"
    tree.wait_for(lambda: replaced(tree, victim), "its successor")
    assert f"the worker {victim} ended unexpectedly, by signal 9" in tree.log()


@pytest.mark.parametrize("kind", ["group", "escaped"])
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_PFX_08_a_stuck_child_of_a_worker_dies_with_it(tree: Tree, kind: str, end: str) -> None:
    """Whether the worker was killed or ended in time, and if its child left the group too."""
    tree.start()
    with tree.connect() as client:
        child = int(talk(client, f"child {kind}"))
        victim = int(talk(client, "who"))
        if end == "kill":
            os.kill(victim, signal.SIGKILL)
        else:
            tree.signal(signal.SIGHUP)  # the worker ends by itself, after its work
    tree.wait_for(lambda: child not in tree.processes(), "the end of the child")
    tree.wait_for(lambda: victim not in tree.processes(), "the end of the worker")


BLIND = f"""
import runpy, sys
from mailauth.service.processes import process
process.strays = lambda known: []
sys.argv[0] = {str(ECHO)!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""The program of a tree whose supervisor does not look for what workers leave behind."""


def test_PFX_08_the_group_of_a_worker_dies_with_it_even_unlooked_for() -> None:
    """As without /proc, or where a parent between them is still there."""
    tree = Tree(("-c", BLIND))
    try:
        tree.start()
        child = int(tree.say("child group"))
        assert child in tree.processes()
        tree.signal(signal.SIGHUP)  # the worker ends by itself, in time
        tree.wait_for(lambda: child not in tree.processes(), "the end of the child")
    finally:
        tree.close()


def assert_left_alone(tree: Tree, pid: int) -> None:
    """A process that is no child of a worker lives on when one is replaced; then it is killed."""
    try:
        victim = tree.pids()[0]
        os.kill(victim, signal.SIGKILL)
        tree.wait_for(lambda: replaced(tree, victim), "its successor")
        assert "left behind" not in tree.log()
        assert letter(pid) == "S"
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_PFX_08_what_ran_before_the_service_is_not_taken_for_left_behind(tree: Tree) -> None:
    """As what the start script of a container runs in the background."""
    note = tree.folder / "before"
    script = 'sleep 600 & echo $! >"$0"; exec "$@"'
    tree.start(prefix=("sh", "-c", script, str(note)))
    assert_left_alone(tree, int(note.read_text()))


def test_PFX_08_what_that_has_started_is_not_either(tree: Tree) -> None:
    """Its parent ends, and the supervisor inherits it."""
    note = tree.folder / "before"
    inner = 'sleep 600 & echo $$ $! >"$0.new"; mv "$0.new" "$0"; wait'
    script = f'sh -c \'{inner}\' "$0" & exec "$@"'
    tree.start(prefix=("sh", "-c", script, str(note)))
    tree.wait_for(note.exists)
    parent, orphan = map(int, note.read_text().split())
    os.kill(parent, signal.SIGKILL)
    assert_left_alone(tree, orphan)


def test_a_worker_that_ends_is_replaced_later_each_time(tree: Tree) -> None:
    tree.configure(workers=1, restart_delay=0.05, restart_delay_most=5, storm_restarts=20)
    tree.start()
    for number in range(1, 4):
        tree.wait_for(tree.pids, "a worker")
        assert tree.say("die") == ""
        tree.wait_for(lambda n=number: tree.status()["restarts"]["recent"] == n)  # type: ignore[misc]
    tree.wait_for(tree.pids, "a worker")
    assert tree.log().count("ended unexpectedly, with status 3") == 3


def test_a_worker_that_ends_is_not_replaced_before_the_delay(tree: Tree) -> None:
    tree.configure(workers=2, restart_delay=60, restart_delay_most=60)
    tree.start()
    assert tree.say("die") == ""
    tree.wait_for(lambda: tree.status()["restarts"]["recent"] == 1)
    before = tree.status()["uptime"]
    tree.wait_for(lambda: tree.status()["uptime"] > before + 1, "some more beats")
    assert len(tree.pids()) == 1


def test_OPS_14_a_listener_that_answers_its_probes_keeps_its_workers(tree: Tree) -> None:
    tree.configure(workers=1, probe=0.5)
    tree.start()
    tree.wait_for(lambda: tree.status()["figures"][tree.socket][0] >= 6, "some probes")
    assert tree.status()["restarts"]["total"] == 0


def test_a_server_that_ends_by_itself_costs_the_worker(tree: Tree) -> None:
    tree.start()
    tree.say("fail")
    tree.wait_for_log("a server ended unexpectedly", "ended unexpectedly, with status 70")
    tree.wait_for(lambda: len(tree.pids()) == 2, "two workers")


def test_MIL_13_a_storm_of_restarts_ends_with_a_sentence(tree: Tree) -> None:
    (tree.folder / "secret").write_text("broken")
    tree.configure(f'map = "{tree.folder}/secret"', storm_restarts=5)
    tree.spawn()
    assert tree.wait() == 70
    assert "more than 5 processes ended unexpectedly within" in tree.log()
    assert "a worker that cannot start" in tree.log(), "the reason, with a traceback"


def test_what_a_worker_lacks_at_its_start_is_told_in_one_line(tree: Tree) -> None:
    """As when the disk is too full for the store of long senders."""
    (tree.folder / "secret").write_text("full")
    tree.configure(f'map = "{tree.folder}/secret"', storm_restarts=1)
    tree.spawn()
    assert tree.wait() == 70
    assert "error: the worker failed: there is no room for the store\n" in tree.log()
    assert "Traceback" not in tree.log()


def test_a_storm_ends_the_service_even_if_a_reload_is_wanted(tree: Tree) -> None:
    tree.configure(storm_restarts=1)
    tree.start()
    workers = tree.pids()
    tree.signal(signal.SIGSTOP)
    tree.wait_for(lambda: letter(tree.process.pid) == "T", "the supervisor to stand still")
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    tree.wait_for(lambda: {letter(pid) for pid in workers} == {"Z"}, "the workers to be dead")
    tree.signal(signal.SIGHUP)
    tree.signal(signal.SIGCONT)  # it finds all of that in one turn
    assert tree.wait() == 70
    assert "its workers start" not in tree.log()


def test_OPS_02_many_failed_workers_of_a_reload_are_no_storm(tree: Tree) -> None:
    (tree.folder / "secret").write_text("first")
    tree.configure(f'map = "{tree.folder}/secret"', workers=8, storm_restarts=1)
    tree.start()
    before = set(tree.pids())
    (tree.folder / "secret").write_text("broken")
    for number in range(1, 4):
        tree.signal(signal.SIGHUP)
        tree.wait_for(lambda n=number: tree.log().count("stay in force") == n)  # type: ignore[misc]
        tree.wait_for(lambda: len(tree.status()["processes"]) == 9, "the failed ones to go")
    assert set(tree.pids()) == before
    assert tree.status()["restarts"]["total"] == 0
    (tree.folder / "secret").write_text("second")
    tree.reload()
    assert tree.say("secret") == "second"


def test_OPS_09_no_descriptors_for_the_workers_of_a_reload(tree: Tree) -> None:
    tree.configure(workers=12, storm_restarts=1)
    tree.start(preexec_fn=partial(descriptors.few, 32))
    before = set(tree.pids())
    tree.signal(signal.SIGHUP)
    tree.wait_for_log("no worker could be started: Too many open files", "stay in force")
    tree.wait_for(lambda: len(tree.status()["processes"]) == 13, "the new ones to go")
    assert set(tree.pids()) == before
    assert tree.status()["restarts"]["total"] == 0


def test_OPS_16_workers_die_with_a_killed_supervisor(tree: Tree) -> None:
    tree.start()
    assert len(tree.processes()) >= 4
    tree.process.kill()
    tree.process.wait()
    tree.wait_for(lambda: not tree.processes(), "all to be gone")


def test_OPS_16_workers_that_stand_still_die_with_a_killed_supervisor(tree: Tree) -> None:
    """They cannot notice it: the kernel ends them."""
    tree.configure(silence=600, request=900)
    tree.start()
    with tree.connect() as client:
        spinning = int(talk(client, "who"))
        client.sendall(b"spin\n")
        (other,) = {*tree.pids()} - {spinning}
        os.kill(other, signal.SIGSTOP)
        tree.process.kill()
        tree.process.wait()
        tree.wait_for(lambda: not tree.processes(), "all to be gone")


def test_the_next_start_takes_the_stale_socket(tree: Tree) -> None:
    tree.start()
    tree.process.kill()
    tree.process.wait()
    tree.wait_for(lambda: not tree.processes(), "all to be gone")
    assert (tree.folder / "echo").exists()
    tree.start()
    assert tree.say("echo back") == "back"


def test_a_second_service_at_the_same_address_is_refused(tree: Tree) -> None:
    tree.start()
    other = Tree()
    try:
        other.socket = tree.socket
        other.configure()
        other.spawn()
        assert other.wait() == 2
        assert "another process listens at" in other.log()
    finally:
        other.close()
    assert tree.say("echo mine") == "mine"


def test_OPS_09_a_worker_without_descriptors(tree: Tree) -> None:
    """It ends when it is its turn to accept; the client is answered by the other one."""
    tree.configure(silence=PATIENCE)
    tree.start()
    with tree.connect() as hoarding:
        hoarder = int(talk(hoarding, "who"))
        assert talk(hoarding, "hoard") == "hoarded"
        assert talk(hoarding, "echo still") == "still"
        (sound,) = set(tree.pids()) - {hoarder}
        os.kill(sound, signal.SIGSTOP)  # so that it is the hoarder's turn
        with tree.connect() as client:
            client.sendall(b"echo ")
            tree.wait_for(lambda: hoarder not in tree.pids(), "the end of who cannot accept")
            os.kill(sound, signal.SIGCONT)
            assert talk(client, "patience") == "patience"
    tree.wait_for(lambda: replaced(tree, hoarder), "two sound workers")
    assert sound in tree.pids()
    assert tree.say("echo back") == "back"


def test_OPS_09_with_32_descriptors_the_tree_runs(tree: Tree) -> None:
    tree.start(preexec_fn=partial(descriptors.few, 32))
    for _ in range(3):
        tree.signal(signal.SIGHUP)
        assert tree.say("echo x") == "x"
    assert tree.stop() == 0


# OPS-08: the log


def test_OPS_08_a_full_disk_under_the_log(tree: Tree) -> None:
    with Path("/dev/full").open("wb") as full:
        tree.start(stderr=full)
    assert tree.say("echo x") == "x"
    os.kill(tree.pids()[0], signal.SIGQUIT)
    tree.signal(signal.SIGHUP)
    tree.wait_for(lambda: tree.status()["generation"] == 2, "the reload")
    assert tree.say("echo y") == "y"
    assert tree.stop() == 0


def test_OPS_08_a_closed_pipe_under_the_log(tree: Tree) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    tree.start(stderr=writing)
    os.close(writing)
    assert tree.say("die") == ""
    tree.wait_for(lambda: len(tree.pids()) == 2, "two workers")
    assert tree.stop() == 0


def test_OPS_08_a_full_pipe_under_the_log(tree: Tree) -> None:
    """Nobody reads the log; afterwards the number of lost lines is told."""
    reading, writing = os.pipe()
    os.write(writing, b"x" * fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ))
    tree.start(stderr=writing)
    assert os.get_blocking(writing), "the mode of others' descriptors is theirs"
    tree.signal(signal.SIGHUP)
    tree.wait_for(lambda: tree.status()["generation"] == 2, "the reload")
    assert tree.say("echo x") == "x"
    os.close(writing)
    os.read(reading, 1 << 20)
    tree.signal(signal.SIGHUP)
    log = b""
    while b"generation 3" not in log:
        log += os.read(reading, 4096)
    os.close(reading)
    assert b"lines of the log were lost" in log
    assert tree.stop() == 0


def test_OPS_08_without_any_standard_stream(tree: Tree) -> None:
    tree.start(prefix=["bash", "-c", 'exec "$@" <&- >&- 2>&-', "bash"])
    assert tree.say("die") == ""
    tree.wait_for(lambda: len(tree.pids()) == 2, "two workers")
    assert tree.stop() == 0


# OPS-10: signals


def test_OPS_10_a_hail_of_signals(tree: Tree) -> None:
    tree.configure(storm_restarts=1000)
    tree.start()
    for number in range(200):
        tree.signal((signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE, signal.SIGCONT)[number % 4])
        if number % 20 == 0:
            assert tree.say(f"echo {number}") == str(number)
    tree.wait_for(lambda: tree.state() == "serving", "the last reload")
    assert tree.say("echo back") == "back"
    assert tree.stop() == 0


def test_OPS_10_a_signal_right_at_the_start(tree: Tree) -> None:
    """SIGTERM at any moment of the start ends it, and leaves nothing."""
    for delay in (0.05, 0.2, 0.3, 0.35, 0.4, 0.5):
        tree.spawn()
        time.sleep(delay)
        tree.signal(signal.SIGTERM)
        assert tree.wait() in {0, -signal.SIGTERM}
        tree.wait_for(lambda: not tree.processes(), "all to be gone")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_OPS_10_a_reload_that_is_asked_for_while_it_starts(
    tree: Tree, number: signal.Signals
) -> None:
    secret = tree.folder / "secret"
    os.mkfifo(secret)
    tree.configure(f'map = "{secret}"')
    tree.spawn()
    with secret.open("wb"):  # it reads its files now
        secret.unlink()
        secret.write_text("x")
        tree.signal(number)
    tree.wait_for_log("generation 1 serves", "generation 2 serves")


def test_OPS_10_a_reload_that_is_asked_for_while_it_fails_to_start(tree: Tree) -> None:
    """The signal must not end it: systemd would take that for a success."""
    secret = tree.folder / "secret"
    os.mkfifo(secret)
    other = f'[[listen]]\nkind = "echo"\naddress = "{tree.socket}2"\nmap = "{tree.folder}/none"'
    tree.configure(f'map = "{secret}"\n{other}')
    tree.spawn()
    with secret.open("wb"):  # it reads its files now
        tree.signal(signal.SIGHUP)
    assert tree.wait() == 2
    assert "none: No such file or directory" in tree.log()


def test_OPS_10_signals_that_were_blocked_by_whoever_starts_it(tree: Tree) -> None:
    blocked = {signal.SIGTERM, signal.SIGHUP}
    tree.start(preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, blocked))
    tree.signal(signal.SIGHUP)
    tree.wait_for_log("generation 2 serves")
    tree.stop()


def test_PFX_07_a_thousand_silent_connections(tree: Tree) -> None:
    with descriptors.many(), ExitStack() as silent:
        tree.start()
        for _ in range(1000):
            silent.enter_context(tree.connect())
        assert tree.say("echo x") == "x"
        tree.reload()
        assert tree.say("echo y") == "y"
    assert tree.stop() == 0


def test_no_zombie_is_left_while_it_runs(tree: Tree) -> None:
    tree.start()
    for _ in range(3):
        assert tree.say("child escaped")
        assert tree.say("die") == ""
    tree.wait_for(lambda: len(tree.pids()) == 2, "two workers")

    def zombies() -> list[str]:
        lines = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                lines.append((entry / "stat").read_text().rpartition(") ")[2])
        return [line for line in lines if line.startswith(f"Z {tree.process.pid} ")]

    tree.wait_for(lambda: not zombies(), "the dead to be buried")
