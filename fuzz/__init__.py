"""Fuzz targets, and what drives them: mutations of real inputs, for a given time.

The law of every target: *any octets come to a value, or to the fault that the
docstring names; never to another exception, and in linear time*.
"""
