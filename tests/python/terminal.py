#!/usr/bin/env python3
"""Runs a command whose standard error is a terminal of 100 columns, and prints its output there.

usage: terminal.py FOLDER COMMAND...

The command runs in FOLDER. The script exits with its status.
"""
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios


def shown(folder, command):
    """Returns the command's output on its terminal, and its status."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=terminal, env={**os.environ, "TERM": "xterm"})
    os.close(terminal)
    parts = []
    try:
        while part := os.read(screen, 4096):
            parts.append(part)
    except OSError:  # how Linux reports that nobody has the terminal open any more
        pass
    os.close(screen)
    return b"".join(parts).decode(errors="replace"), child.wait()


if __name__ == "__main__":
    text, status = shown(sys.argv[1], sys.argv[2:])
    print(text)
    sys.exit(status)
