"""HEIC, the pictures of iPhones, made JPEG in a process of its own: what breaks its decoder breaks nothing of ours."""

import io
import subprocess
import sys
from pathlib import Path

SECONDS = 15.0  # that the largest picture may take
MEMORY = 1_500_000_000  # bytes of that process
MOST_PIXELS = 50_000_000  # a telephone's 48 million
BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
TOO_LARGE = 3  # what the process says of a picture that is none of a telephone's
SIDE, QUALITY = 4_096, 88


class Unreadable(ValueError):
    """No picture came out; `huge`: since it says that it is too large."""

    def __init__(self, huge: bool = False):
        super().__init__("HEIC")
        self.huge = huge


def is_heic(content: bytes) -> bool:
    return content[4:8] == b"ftyp" and content[8:12] in BRANDS


def to_jpeg(content: bytes) -> bytes:
    """The pixels alone, upright, as JPEG; Unreadable."""
    home = str(Path(__file__).parents[1])
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "channels.heic"],
            input=content,
            capture_output=True,
            timeout=SECONDS,
            env={"PYTHONPATH": home},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unreadable from error
    if done.returncode or not done.stdout.startswith(b"\xff\xd8\xff"):
        raise Unreadable(done.returncode == TOO_LARGE)
    return done.stdout


def _limit() -> None:
    try:
        import resource  # not on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """From standard input to standard output."""
    _limit()
    import pillow_heif

    found = pillow_heif.open_heif(io.BytesIO(sys.stdin.buffer.read()), convert_hdr_to_8bit=True)
    if found.size[0] * found.size[1] > MOST_PIXELS:
        return TOO_LARGE
    picture = found.to_pillow()  # upright: the decoder turns it
    picture.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    bare = picture.convert("RGB")
    bare.info.clear()
    bare.save(out, "JPEG", quality=QUALITY)
    sys.stdout.buffer.write(out.getvalue())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
