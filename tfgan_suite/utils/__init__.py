"""General helpers: files, image grids, bicubic resizing, settings of the process."""
