"""Small things that nothing else knows of: files, image grids, bicubic, the process."""
