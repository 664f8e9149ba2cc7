"""Pictures drawn on the server as SVG: classes only, no style and no script, each with a title and the figures beside it."""
