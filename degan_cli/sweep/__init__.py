"""``degan sweep``: a pipeline of commands over a grid of their settings.

In the order of its use: ``file`` reads FILE.toml, ``cases`` makes parts of it, ``local``, ``on_ray`` and ``slurm`` have
them made, ``table`` collects the numbers, and ``estimate`` says beforehand what it all takes.
"""
