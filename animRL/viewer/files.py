"""Pictures into files: MP4 by ffmpeg, GIF and PNG by Pillow, never half a file under the name."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
_QUALITY = "21"
"""x264's constant rate factor: 18 is near lossless, 28 visibly coarse."""
_COLOURS = 255
_SMALLER = 0.85
_MIN_WIDTH = 160


class VideoError(RuntimeError):
    """A video could not be written; one line says why. Nothing is left under its name."""


@contextmanager
def complete_file(path: str | Path) -> Iterator[Path]:
    """Lend a temporary name in the same folder; it becomes path if the block ends well.

    Otherwise it is deleted, and what lay under path before stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_mp4(
    path: str | Path, pictures: Iterable[Picture], size: tuple[int, int], fps: float
) -> None:
    """Write pictures (height, width, 3) of size (width, height), both even, as H.264 MP4.

    The file plays in browsers (yuv420p) and starts before it is fully loaded.

    Raises:
        VideoError: if ffmpeg is missing or fails, or the disk is full.
    """
    try:
        with complete_file(path) as part:
            _encode(_ffmpeg_command(part, size, fps), pictures)
    except (OSError, ImportError) as error:
        raise VideoError(f"video '{path}' could not be written: {error}") from error


def _ffmpeg_command(path: Path, size: tuple[int, int], fps: float) -> list[str]:
    import imageio_ffmpeg

    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise VideoError(f"no video without ffmpeg: {' '.join(str(error).split())}") from error
    raw = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{size[0]}x{size[1]}",
        "-r",
        f"{fps:.6g}",
        "-i",
        "-",
    ]
    encoded = [
        "-an",
        "-c:v",
        "libx264",
        "-crf",
        _QUALITY,
        "-preset",
        "veryfast",
        "-threads",
        "2",
        "-pix_fmt",
        "yuv420p",
        "-movflags",
        "+faststart",
    ]
    return [program, "-y", "-v", "error", *raw, *encoded, str(path)]


def _encode(command: list[str], pictures: Iterable[Picture]) -> None:
    """Feed pictures to ffmpeg and wait for it; its exit status is what counts."""
    with tempfile.TemporaryFile() as messages:
        ffmpeg = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages
        )
        try:
            assert ffmpeg.stdin is not None
            with suppress(BrokenPipeError):
                for picture in pictures:
                    ffmpeg.stdin.write(np.ascontiguousarray(picture).data)
                ffmpeg.stdin.close()
            status = ffmpeg.wait()
        finally:
            if ffmpeg.poll() is None:
                ffmpeg.kill()
                ffmpeg.wait()
        if status != 0:
            messages.seek(0)
            reason = " ".join(messages.read(2000).decode(errors="replace").split())
            raise VideoError(f"ffmpeg ended with status {status}: {reason or 'no message'}")


def write_gif(
    path: str | Path, pictures: Sequence[Picture], fps: float, max_bytes: int = 3_000_000
) -> None:
    """Write an endlessly looping GIF with one palette, made smaller until it fits max_bytes."""
    images = [Image.fromarray(picture) for picture in pictures]
    width = images[0].width
    duration = max(20, 10 * round(100.0 / fps))  # GIF counts in hundredths of a second.
    with complete_file(path) as part:
        while True:
            _save_gif(part, images, width, duration)
            if part.stat().st_size <= max_bytes or width <= _MIN_WIDTH:
                return
            width = round(_SMALLER * width)


def write_png(path: str | Path, picture: Picture) -> None:
    """Write one picture (height, width, 3)."""
    with complete_file(path) as part:
        Image.fromarray(picture).save(part, optimize=True)


def _save_gif(path: Path, images: list[Image.Image], width: int, duration: int) -> None:
    height = round(images[0].height * width / images[0].width)
    scaled = [image.resize((width, height), Image.Resampling.LANCZOS) for image in images]
    # One palette for all, from pictures spread over the film, so that colours do not flicker.
    samples = scaled[:: max(1, len(scaled) // 4)][:4]
    sheet = Image.new("RGB", (width, height * len(samples)))
    for row, sample in enumerate(samples):
        sheet.paste(sample, (0, row * height))
    # An octree keeps small spots of a rare colour, which the median cut paints over.
    palette = sheet.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE)
    frames = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in scaled]
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=duration,
        loop=0,
        optimize=False,
        disposal=1,
    )
