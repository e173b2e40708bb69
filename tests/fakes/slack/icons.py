"""Pictures that must not hang on the machine's emoji font."""

FLASK = (
    '<svg viewBox="0 0 24 24" width="22" fill="none" stroke="#fff" stroke-width="1.8">'
    '<path d="M9 3h6M10 3v6L4.5 19a1.5 1.5 0 0 0 1.3 2h12.4a1.5 1.5 0 0 0 1.3-2L14 9V3"/>'
    '<path d="M7.5 14.5h9"/></svg>'
)
_THUMB = (
    "M7 10v11H3V10h4zm2 0 4-8a2.5 2.5 0 0 1 2.5 2.5V8h4.2a2 2 0 0 1 2 2.4l-1.6 8A2 2 0 0 1 18 20H9"
)
THUMB_UP = (
    '<svg viewBox="0 0 24 24" width="15" fill="none" stroke="#454245" stroke-width="2">'
    f'<path d="{_THUMB}"/></svg>'
)
THUMB_DOWN = THUMB_UP.replace("<svg ", '<svg style="transform:rotate(180deg)" ')
