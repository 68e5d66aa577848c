"""Runs a program on a pseudo-terminal that stops reading: stall.py PROGRAM ARG... Says on stdout what happens, is told on stdin."""
import fcntl, os, pty, select, struct, sys, termios, time

pid, fd = pty.fork()
if pid == 0:
    os.execvpe(sys.argv[1], sys.argv[1:], dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8"))
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
print("pid", pid, flush=True)

reading, seen, repaint = True, b"", 0.0
while True:
    ready, _, _ = select.select([0] + ([fd] if reading else []), [], [], 0.05)
    if 0 in ready:
        word = sys.stdin.readline().strip()
        if word == "stall":
            reading = False
        elif word == "read":
            reading = True
        elif word == "quit":
            os.write(fd, b"q")
    if fd in ready:
        try:
            data = os.read(fd, 65536)
        except OSError:
            data = b""
        seen = (seen + data)[-200000:]
        if b"10.9.0.2" in data:
            print("drawn", flush=True)
    if not reading and time.time() > repaint:
        # Whole frames, so that the terminal's buffers are soon full.
        repaint = time.time() + 0.12
        os.write(fd, b"\x0c")
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        print("ended", status & 0x7F, status >> 8, flush=True)
        break
