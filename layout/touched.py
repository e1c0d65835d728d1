"""Which functions a run of a program enters, in the order in which it first does so.

A breakpoint is set at each function before the program begins, and taken away when it is first met: each function costs one stop, and the
run is else what it always is. Linux on x86-64 only, and only for a program that this process starts itself.
"""

import bisect
import ctypes
import os
import re
import signal

TRACEME, CONT, GETREGS, SETREGS, SETOPTIONS = 0, 7, 12, 13, 0x4200
# Threads are traced as they begin; nothing outlives this process.
OPTIONS = 0x8 | 0x100000
WAIT_ALL = 0x40000000
BREAKPOINT = b"\xcc"
# `struct user_regs_struct`: 27 words, the 17th is where it is.
REGISTERS, POSITION = 27, 16

# A line of the linker's map for a section that holds one function: address, size, name.
FUNCTION = re.compile(r"^\s*([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+\s.*:\(\.text\.(?:unlikely\.)?(\S+)\)$")

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long


def functions(map_file):
    """The functions of a linker's map, by address. Assembly is left out: there, data may lie between instructions."""
    found = {}
    with open(map_file, encoding="utf-8") as lines:
        for line in lines:
            match = FUNCTION.match(line)
            if match and int(match[2], 16) > 0:
                found[int(match[1], 16)] = match[3]
    return found


def touched(command, known, talk):
    """Runs `command`, has `talk` talk to its standard streams, and returns the names of the functions of `known` that it entered."""
    addresses = sorted(known)
    to_program, from_program = os.pipe(), os.pipe()
    process = os.fork()
    if process == 0:
        begin(command, to_program[0], from_program[1])
    os.close(to_program[0])
    os.close(from_program[1])
    wait(process)
    ptrace(SETOPTIONS, process, OPTIONS)
    base = lowest(process, os.path.realpath(command[0]))
    with open(f"/proc/{process}/mem", "r+b", buffering=0) as memory:
        before = guard(memory, base, addresses)
        talking = talk(os.fdopen(to_program[1], "wb", 0), os.fdopen(from_program[0], "rb"))
        met = follow(process, memory, base, addresses, before)
    talking.join()
    return [known[address] for address in met]


def begin(command, standard_input, standard_output):
    """Becomes the program, stopped at its first instruction."""
    os.dup2(standard_input, 0)
    os.dup2(standard_output, 1)
    ptrace(TRACEME, 0, 0)
    os.execv(command[0], command)


def guard(memory, base, addresses):
    """Puts a breakpoint at each address, and returns what was there."""
    first, size = addresses[0], addresses[-1] + 1 - addresses[0]
    code = bytearray(read(memory, base + first, size))
    before = bytes(code)
    for address in addresses:
        code[address - first] = BREAKPOINT[0]
    write(memory, base + first, bytes(code))
    return lambda address: before[address - first : address - first + 1]


def follow(process, memory, base, addresses, before):
    """Lets the program run to its end, and returns the addresses that it met, in order."""
    met = {}
    ptrace(CONT, process, 0)
    while True:
        thread, status = os.waitpid(-1, WAIT_ALL)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if thread != process:
                continue
            if status != 0:
                raise SystemExit(f"the program ended with status {status}")
            return list(met)
        stopped, event = os.WSTOPSIG(status), status >> 16
        deliver = 0 if event or stopped in (signal.SIGTRAP, signal.SIGSTOP) else stopped
        if stopped == signal.SIGTRAP and not event:
            registers = (ctypes.c_ulonglong * REGISTERS)()
            ptrace(GETREGS, thread, ctypes.addressof(registers))
            address = registers[POSITION] - 1 - base
            at = bisect.bisect_left(addresses, address)
            if at < len(addresses) and addresses[at] == address:
                # Two threads can meet the same one: it is taken away once, and both go on where it was.
                if address not in met:
                    met[address] = True
                    write(memory, base + address, before(address))
                registers[POSITION] -= 1
                ptrace(SETREGS, thread, ctypes.addressof(registers))
        ptrace(CONT, thread, deliver)


def lowest(process, program):
    """Where the program is in the memory of the process."""
    with open(f"/proc/{process}/maps", encoding="utf-8") as lines:
        for line in lines:
            if line.rstrip("\n").endswith(program):
                return int(line.split("-", 1)[0], 16)
    raise SystemExit(f"`{program}` is not in the memory of the process that was started")


def wait(process):
    """Until the process has stopped."""
    _, status = os.waitpid(process, 0)
    if not os.WIFSTOPPED(status):
        raise SystemExit("the program cannot be started and followed; a container may forbid `ptrace`")


def ptrace(request, process, data):
    if LIBC.ptrace(request, process, None, data) == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace {request:#x}: {os.strerror(error)}")


def read(memory, address, size):
    parts = bytearray()
    while len(parts) < size:
        parts += os.pread(memory.fileno(), size - len(parts), address + len(parts))
    return parts


def write(memory, address, content):
    written = 0
    while written < len(content):
        written += os.pwrite(memory.fileno(), content[written:], address + written)
