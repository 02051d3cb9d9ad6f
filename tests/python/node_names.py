#!/usr/bin/env python3
"""Names of the nodes of a model, at any depth.

usage: node_names.py list MODEL | strip MODEL OUT | take MODEL OUT

`list` prints the names, `-` for none. `strip` removes them. `take` removes them too, and gives the third node the name
that the first would get.
"""

import sys

import onnx


def nodes(graph):
    """Iterates over the nodes of a graph, each before those of its subgraphs."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs] if attribute.type in (5, 10) else []:
                yield from nodes(inner)


def main(what, source, out=None):
    model = onnx.load(source)
    if what == "list":
        print("\n".join(node.name or "-" for node in nodes(model.graph)))
        return
    for node in nodes(model.graph):
        node.ClearField("name")
    if what == "take":
        first, _, third = model.graph.node[:3]
        third.name = f"{first.op_type}_0"
    onnx.save(model, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
