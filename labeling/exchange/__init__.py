"""Labelled pictures out of the house and into it: COCO, MVTec, YOLO-seg and DDQA.

Everything streams: pictures come one at a time, files leave one at a time. Knows no Django.
"""
