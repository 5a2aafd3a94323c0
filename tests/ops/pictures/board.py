"""The board as an SVG picture, for the README."""

from io import StringIO

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from streams.terminal.board import HEIGHT, Board, render

THEME = TerminalTheme(
    background=(13, 17, 23),
    foreground=(201, 209, 217),
    normal=[
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
    bright=[
        (118, 128, 140),
        (255, 161, 152),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (86, 212, 221),
        (255, 255, 255),
    ],
)

CELL_ASPECT = 0.602
"""A cell's width to its font size, as DejaVu Sans Mono and Menlo have it, so that lines join without gaps."""

# Rich's own format loads a web font from another host; a picture in a README must not.
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" xml:space="preserve">
  <style>
    .{unique_id}-matrix {{
      font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
      font-size: {char_height}px;
      line-height: {line_height}px;
    }}
    .{unique_id}-title {{ font: bold 18px "DejaVu Sans", Helvetica, Arial, sans-serif; }}
    {styles}
  </style>
  <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
  </defs>
  {chrome}
  <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
  </g>
</svg>
"""


def board_svg(board: Board, width: int = 100, height: int = HEIGHT) -> str:
    """The board as a self-contained SVG, `width` columns by at most `height` lines."""
    console = Console(
        file=StringIO(),
        record=True,
        width=width,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(render(board, width, height))
    return console.export_svg(title="shipclock demo", theme=THEME, code_format=FORMAT, font_aspect_ratio=CELL_ASPECT)
