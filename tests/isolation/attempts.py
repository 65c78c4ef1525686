"""Tries, from inside an instance, what a tenant must not be able to do, and what a tenant needs.

Called with a JSON object {targets: [[name, host, port], ...]}; a host "gateway" is the container's own route out.
Prints a line of JSON for each attempt: {"name": ..., "worked": true | false, "detail": ...}.
"""

import concurrent.futures
import ctypes
import errno
import json
import mmap
import multiprocessing
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID = 0x10000000, 0x00020000, 0x40000000, 0x20000000
AF_ALG, AF_VSOCK = 38, 40


def syscall(number, *arguments):
    """A system call by its x86-64 number; an error is raised."""
    ctypes.set_errno(0)
    answer = libc.syscall(number, *arguments)
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def denied_by_kernel(number, *arguments):
    """The call itself is refused: an error about its arguments means that it was let through."""

    def attempt():
        try:
            return syscall(number, *arguments)
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
                raise
            return f"let through: {error}"

    return attempt


def in_child(act):
    """What would change this process for good is done in another one."""

    def attempt():
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, b"+" + str(act()).encode()[:500])
            except BaseException as error:
                os.write(writer, b"-" + repr(error).encode()[:500])
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as answers:
            answer = answers.read()
        os.waitpid(child, 0)
        if answer[:1] != b"+":
            raise OSError(answer.decode())
        return answer[1:].decode()

    return attempt


def write(path, text="x"):
    def attempt():
        with open(path, "w") as file:
            file.write(text)
        return "written"

    return attempt


def create(folder):
    return write(os.path.join(folder, ".attempt"))


def read(path, size=1):
    def attempt():
        with open(path, "rb") as file:
            if not file.read(size):
                raise OSError("nothing to read")
        return "read"

    return attempt


def mount(kind, target, flags=0):
    def attempt():
        if libc.mount(b"none", target, kind, flags, None) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        return "mounted"

    return attempt


def open_socket(family, kind, protocol=0):
    def attempt():
        socket.socket(family, kind, protocol).close()
        return "opened"

    return attempt


def connect(host, port):
    def attempt():
        with socket.create_connection((host, port), timeout=2):
            return "connected"

    return attempt


def gateway():
    with open("/proc/net/route") as routes:
        for line in routes.read().splitlines()[1:]:
            fields = line.split()
            if fields[1] == "00000000":
                return socket.inet_ntoa(struct.pack("<L", int(fields[2], 16)))
    raise OSError("no route out")


def run(*command):
    def attempt():
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise OSError((done.stderr or done.stdout).strip()[-300:] or f"exit code {done.returncode}")
        return done.stdout.strip()[-300:]

    return attempt


def become_root():
    os.setuid(0)
    return os.geteuid()


def own_setuid_shell():
    path = os.path.join(tempfile.mkdtemp(), "sh")
    with open("/bin/sh", "rb") as source, open(path, "wb") as target:
        target.write(source.read())
    os.chmod(path, 0o6755)
    return run(path, "-p", "-c", 'test "$(id -u)" = 0')()


def any_setuid_program():
    """None is effective, so it is enough that none gives root."""
    found = run("sh", "-c", "find / -xdev -perm /6000 -type f 2>/dev/null || true")().split()
    for program in found:
        if os.path.basename(program) in ("su", "sudo", "pkexec"):
            run(program, "-c", "id -u")()
    raise OSError(f"none of {len(found)} helps")


def capability():
    with open("/proc/self/status") as status:
        held = [line.split()[1] for line in status if line.startswith("Cap")]
    if all(int(one, 16) == 0 for one in held):
        raise OSError("none")
    return held


def engine_socket():
    for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock"):
        if os.path.exists(path):
            return path
    raise OSError("none")


def secret_in_environment():
    """Nothing that opens the platform: keys, addresses of its database."""
    for process in [one for one in os.listdir("/proc") if one.isdigit()]:
        try:
            with open(f"/proc/{process}/environ", "rb") as environ:
                text = environ.read().decode(errors="replace")
        except OSError:
            continue
        for word in ("gph_", "postgres", "DATABASE_URL", "PGPASSWORD", "GPUHOUR_DATA"):
            if word in text:
                return f"{word} in the environment of {process}"
    raise OSError("none")


def other_processes():
    """Of the machine: more than this container has."""
    with open("/proc/1/cmdline", "rb") as cmdline:
        first = cmdline.read().split(b"\0")[0].decode()
    if os.path.basename(first) in ("tini", "docker-init"):
        raise OSError(f"PID 1 is {first}")
    return first


def threads_without_end():
    """As many as there may be: to the kernel a thread is a process, but it takes less memory."""
    over = threading.Event()
    before = threading.stack_size(64 << 10)
    started = []
    try:
        while len(started) < 40_000:
            one = threading.Thread(target=over.wait)
            try:
                one.start()
            except RuntimeError as error:
                raise OSError(f"{error} after {len(started)}")
            started.append(one)
        return len(started)
    finally:
        over.set()
        for one in started:
            one.join()
        threading.stack_size(before)


def raise_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))
    return hard + 1


def larger_than_memory_in_shm():
    """/dev/shm holds no more than the memory limit lets it."""
    path = "/dev/shm/attempt"
    block = b"x" * (1 << 20)
    limit = os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range((limit >> 20) + 2):
                if file.write(block) != len(block):
                    raise OSError(errno.ENOSPC, "full")
        return f"more than {limit} bytes"
    finally:
        os.unlink(path)


def address_6():
    with open("/proc/net/if_inet6") as addresses:
        found = [line.split()[0] for line in addresses if not line.startswith("0" * 31)]
    if not found:
        raise OSError("none")
    return found


def host_device():
    ordinary = {"console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"}
    found = sorted(set(os.listdir("/dev")) - ordinary)
    if not found:
        raise OSError("none")
    return found


def change_first_process():
    """PID 1 ends the bill when it ends: from inside, it cannot be stopped to go on for nothing."""
    os.kill(1, signal.SIGSTOP)
    with open("/proc/1/stat") as stat:
        state = stat.read().rsplit(")", 1)[1].split()[0]
    if state == "T":
        return "stopped"
    raise OSError(f"it is {state}")


def attempts():
    return {
        # The file system.
        "write to /": create("/"),
        "write to /etc": create("/etc"),
        "write to /usr": create("/usr/local/bin"),
        "write to the image's own start": write("/opt/gpuhour/init"),
        "write to /run": create("/run"),
        "write to /run/gpuhour": create("/run/gpuhour"),
        "change the keys that open the door": write("/run/gpuhour/authorized_keys"),
        "write to /sys": create("/sys"),
        "write to a control group": create("/sys/fs/cgroup"),
        "remount / for writing": mount(None, b"/", 0x20 | 0x1000),
        "mount a file system": mount(b"tmpfs", b"/mnt"),
        "mount proc": mount(b"proc", b"/mnt"),
        "make a device": lambda: os.mknod("/tmp/sda", 0o60600, os.makedev(8, 0)),
        "see a device of the machine": host_device,
        "read the machine's memory": read("/proc/kcore"),
        "read /dev/mem": read("/dev/mem"),
        "read the kernel's keys": read("/proc/keys"),
        "read the kernel's messages": in_child(denied_by_kernel(103, 3, 0, 0)),
        "see the engine's socket": engine_socket,
        "see the machine's processes": other_processes,
        "find a secret of the platform": secret_in_environment,
        # Privileges.
        "become root": in_child(become_root),
        "become root by a setuid file of one's own": own_setuid_shell,
        "become root by a setuid program of the image": any_setuid_program,
        "hold a capability": capability,
        "chroot": in_child(denied_by_kernel(161, b"/tmp")),
        "pivot the root": in_child(denied_by_kernel(155, b"/tmp", b"/tmp")),
        "make a user namespace": in_child(denied_by_kernel(272, CLONE_NEWUSER)),
        "make a mount namespace": in_child(denied_by_kernel(272, CLONE_NEWNS)),
        "make a network namespace": in_child(denied_by_kernel(272, CLONE_NEWNET)),
        "make a user namespace by clone": in_child(denied_by_kernel(56, CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)),
        "enter another namespace": in_child(lambda: syscall(308, os.open("/proc/1/ns/mnt", os.O_RDONLY), 0)),
        # The kernel.
        "load a module": denied_by_kernel(175, 0, 0, b""),
        "load another kernel": denied_by_kernel(246, 0, 0, 0, 0),
        "restart the machine": denied_by_kernel(169, 0, 0, 0, 0),
        "use bpf": denied_by_kernel(321, 0, 0, 0),
        "use perf events": denied_by_kernel(298, 0, 0, -1, -1, 0),
        "use userfaultfd": denied_by_kernel(323, 0),
        "use the kernel's keyring": denied_by_kernel(250, 0, -3, 0),
        "open files by handle": denied_by_kernel(304, -1, 0, 0),
        "set the clock": denied_by_kernel(227, 0, b"\0" * 16),
        "name the machine": denied_by_kernel(170, b"x", 1),
        "add swap": denied_by_kernel(167, b"/tmp/x", 0),
        "change where core files go": write("/proc/sys/kernel/core_pattern", "|/tmp/x"),
        "press a magic key": write("/proc/sysrq-trigger", "h"),
        "use a crypto socket": open_socket(AF_ALG, socket.SOCK_SEQPACKET),
        "use a socket of the virtual machine": open_socket(AF_VSOCK, socket.SOCK_STREAM),
        "use a packet socket": open_socket(socket.AF_PACKET, socket.SOCK_RAW),
        "use a raw socket": open_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        # What there is a bound for.
        "make processes without end": threads_without_end,
        "raise the limit of open files": in_child(raise_limit),
        "fill /dev/shm beyond its size": larger_than_memory_in_shm,
        "stop the first process": change_first_process,
        "have an IPv6 address": address_6,
    }.items()


def reaches(targets):
    def to(host, port):
        return lambda: connect(gateway() if host == "gateway" else host, port)()

    return [(f"reach {name}", to(host, port)) for name, host, port in targets]


def processes():
    with multiprocessing.get_context("fork").Pool(4) as pool:
        return sum(pool.map(abs, range(-100, 0)))


def threads():
    ready = threading.Barrier(301)
    started = [threading.Thread(target=ready.wait) for _ in range(300)]
    for one in started:
        one.start()
    ready.wait(30)
    for one in started:
        one.join()
    return len(started)


def shared_memory():
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        size = 64 << 20
        file.truncate(size)
        with mmap.mmap(file.fileno(), size) as memory:
            memory[:] = b"x" * size
        return size


def local_server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()[:2], timeout=5) as client:
            accepted, _ = server.accept()
            accepted.sendall(b"hello")
            return client.recv(5).decode()


def trace_a_child():
    """What gdb, strace and py-spy do."""
    child = os.fork()
    if child == 0:
        libc.ptrace(0, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSTOPPED(status):
        raise OSError("not stopped")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "traced"


def own_program():
    path = os.path.join(os.path.expanduser("~"), ".attempt.sh")
    write(path, "#!/bin/sh\necho ran\n")()
    os.chmod(path, 0o755)
    try:
        return run(path)()
    finally:
        os.unlink(path)


def work():
    home = os.path.expanduser("~")
    return {
        "write to the home": create(home),
        "write to /tmp": create("/tmp"),
        "write to /var/tmp": create("/var/tmp"),
        "run a program of one's own": own_program,
        "share memory": shared_memory,
        "run processes": processes,
        "run three hundred threads": threads,
        "open a local server": local_server,
        "trace a child": trace_a_child,
        "ask for NUMA": lambda: syscall(239, 0, 0, 0, 0, 0),
        "choose a core": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
        "open ten thousand files": lambda: [os.close(one) for one in [os.dup(0) for _ in range(10_000)]] and "opened",
        "resolve a name": lambda: socket.gethostbyname("deb.debian.org"),
        "reach a package mirror": connect("deb.debian.org", 80),
        "make a virtual environment": run(sys.executable, "-m", "venv", "--without-pip", "/tmp/venv"),
    }.items()


def outcome(kind, name, attempt):
    try:
        came_to = {"worked": True, "detail": str(attempt())[:300]}
    except Exception as error:
        came_to = {"worked": False, "detail": f"{type(error).__name__}: {error}"[:300]}
    return json.dumps({"kind": kind, "name": name, **came_to})


def main():
    asked = json.loads(sys.argv[1])
    for name, attempt in attempts():
        print(outcome("attempt", name, attempt), flush=True)
    # What is dropped on its way is only known by waiting.
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for line in pool.map(lambda one: outcome("attempt", *one), reaches(asked["targets"])):
            print(line, flush=True)
    for name, attempt in work():
        print(outcome("work", name, attempt), flush=True)


main()
