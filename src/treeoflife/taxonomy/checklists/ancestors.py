"""The nodes of a large tree, by numbers: synonyms followed to accepted nodes, cycles cut, ancestors of each kind.

Links are followed for all nodes at once: after k rounds a node knows where 2^k links lead to. So a chain of a thousand
links takes ten rounds, and those of millions of nodes a second or two.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...core.tables import Array

NOWHERE = -1
"""In place of the number of a node: there is none."""
ON_CYCLE, OF_NOTHING, IN_CIRCLE = 1, 2, 3
"""What is wrong with a node: its parents lead back to it, or those of its accepted node do; it is a synonym of a node
that is missing; it is a synonym whose accepted nodes are synonyms of each other."""


@dataclass(frozen=True)
class Tree:
    """Nodes, each called by its number, which is the position in the arrays.

    Attributes:
        taxon: the accepted node that each node stands for: of an accepted one itself, or NOWHERE.
        parent: the parent of each accepted node, or NOWHERE.
        trouble: what is wrong with each node; 0 if nothing is.
        inner: the accepted nodes that are parents, in order.
    """

    taxon: Array
    parent: Array
    trouble: Array
    inner: Array

    def ancestors(self, kinds: Array, count: int) -> list[Array]:
        """For each inner node the position in ``inner`` of its nearest ancestor of each kind, itself included.

        It is NOWHERE if there is none.

        Args:
            kinds: the kind of each inner node, from 0 on; others count as none.
            count: the number of kinds.
        """
        jump = _positions(self.inner, self.parent[self.inner])
        jumps = list(_doubled(jump))
        itself = np.arange(len(self.inner), dtype=np.int32)
        return [self._nearest(np.where(kinds == kind, itself, NOWHERE), jumps) for kind in range(count)]

    @staticmethod
    def _nearest(own: Array, jumps: list[Array]) -> Array:
        for jump in jumps:
            own = np.where(own == NOWHERE, _follow(jump, own), own)
        return own


def make_tree(link: Array, is_synonym: Array, is_node: Array) -> Tree:
    """The tree of nodes.

    Args:
        link: the number of each node's parent or, of a synonym, that of its accepted node; or NOWHERE.
        is_synonym: whether each node is one.
        is_node: whether there is a node of this number.

    >>> nodes = np.ones(5, bool)
    >>> tree = make_tree(np.array([-1, 0, 3, 1, 1]), np.array([False, False, True, True, False]), nodes)
    >>> tree.taxon.tolist(), tree.parent.tolist(), tree.inner.tolist()
    ([0, 1, 1, 1, 4], [-1, 0, -1, -1, 1], [0, 1])
    """
    itself = np.arange(len(link), dtype=np.int32)
    taxon = np.where(is_node, itself, NOWHERE)
    taxon[is_synonym] = _accepted(link, is_synonym)[is_synonym]
    in_circle = is_synonym & (taxon != NOWHERE) & is_synonym[taxon]
    trouble = np.where(is_synonym & (taxon == NOWHERE), OF_NOTHING, 0).astype(np.int8)
    trouble[in_circle] = IN_CIRCLE
    taxon[in_circle] = NOWHERE
    # A parent that is a synonym stands for its accepted node.
    parent = np.where(is_node & ~is_synonym, _follow(link, taxon), NOWHERE)
    parent[parent == itself] = NOWHERE
    inner = np.unique(parent[parent != NOWHERE]).astype(np.int32)
    cyclic = inner[_on_cycles(_positions(inner, parent[inner]))]
    parent[cyclic] = NOWHERE
    is_cyclic = np.zeros(len(link), bool)
    is_cyclic[cyclic] = True
    trouble[(taxon != NOWHERE) & is_cyclic[taxon]] = ON_CYCLE
    return Tree(taxon, parent, trouble, inner)


def _accepted(link: Array, is_synonym: Array) -> Array:
    """Where the links of synonyms end: at a node that is none, or NOWHERE, or, where they lead in a circle, in it."""
    ends = np.where(is_synonym, link, np.arange(len(link), dtype=np.int32))
    for _ in range(len(link).bit_length()):
        further = _follow(ends, ends)
        if np.array_equal(further, ends):
            break
        ends = further
    return ends


def _follow(numbers: Array, links: Array) -> Array:
    """Where the links of nodes lead, NOWHERE for those that are NOWHERE."""
    return np.where(numbers == NOWHERE, NOWHERE, links[numbers]) if len(links) else numbers


def _positions(inner: Array, numbers: Array) -> Array:
    """The positions of nodes among the inner ones."""
    return np.where(numbers == NOWHERE, NOWHERE, np.searchsorted(inner, numbers)).astype(np.int32)


def _doubled(jump: Array) -> Iterator[Array]:
    """The links of 1, 2, 4 and so on steps, as long as any leads somewhere."""
    while (jump != NOWHERE).any():
        yield jump
        jump = _follow(jump, jump)


def _on_cycles(jump: Array) -> Array:
    """The positions on cycles: the end points of walks that are longer than there are nodes."""
    for steps, further in enumerate(_doubled(jump)):
        if 1 << steps > len(jump):
            return np.unique(further[further != NOWHERE])
    return np.empty(0, np.int32)
