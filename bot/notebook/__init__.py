"""A thread as a Jupyter notebook that runs again from top to bottom.

`data` says which files the code needs and where it finds them, `cells` writes the notebook,
`export` reads the thread and delivers the result.
"""

from bot.notebook.export import NotebookExporter

__all__ = ["NotebookExporter"]
