"""Fuzz targets, and their driver: mutations of real inputs, for a given time.

The law of every target: *any octets give a value, or the fault that the docstring names;
never another exception, and in linear time*.
"""
