"""Asks another implementation of Rego what the policies say, and prints one answer a line.

Arguments: a file with the modules as JSON, [[name, source], ...]; a file with one input a line.
"""

import json
import sys

from regopy import Interpreter

rego = Interpreter()
with open(sys.argv[1], encoding="utf-8") as modules:
    for name, source in json.load(modules):
        rego.add_module(name, source)

QUERY = "[[x | x := data.nexus.allow], [x | some x in data.nexus.deny], [x | some x in data.nexus.architecture.deny]]"

with open(sys.argv[2], encoding="utf-8") as inputs:
    for line in inputs:
        rego.set_input(json.loads(line))
        answer = json.loads(str(rego.query(QUERY)))
        print(json.dumps(answer["expressions"][0]))
