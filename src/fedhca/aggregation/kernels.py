"""The two passes over a chunk of columns, as machine code for rows in the processor's memory or mapped from a file.

Columns are widened to float64 a few at a time, so that they stay in the processor's cache while every pair of rows, or
every answer, is made of them. Products are taken in tiles of 4 × 4 rows, which need each loaded number four times.
"""

import numpy as np

from fedhca.compiled import compiled, compiled_sum

WEIGHTS, UPDATES, STEPS = 0, 1, 2
KINDS = {"weights": WEIGHTS, "updates": UPDATES, "steps": STEPS}
"""What is mixed, and onto what; see `Mixing`."""


@compiled_sum
def multiply(block, i, j, width, gram):  # type: ignore[no-untyped-def]  # noqa: D103
    a0, a1, a2, a3 = block[i, :width], block[i + 1, :width], block[i + 2, :width], block[i + 3, :width]
    b0, b1, b2, b3 = block[j, :width], block[j + 1, :width], block[j + 2, :width], block[j + 3, :width]
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = 0.0
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = 0.0
    for k in range(width):
        x0, x1, x2, x3 = a0[k], a1[k], a2[k], a3[k]
        y0, y1, y2, y3 = b0[k], b1[k], b2[k], b3[k]
        s00 += x0 * y0
        s01 += x0 * y1
        s02 += x0 * y2
        s03 += x0 * y3
        s10 += x1 * y0
        s11 += x1 * y1
        s12 += x1 * y2
        s13 += x1 * y3
        s20 += x2 * y0
        s21 += x2 * y1
        s22 += x2 * y2
        s23 += x2 * y3
        s30 += x3 * y0
        s31 += x3 * y1
        s32 += x3 * y2
        s33 += x3 * y3
    for column, sums in enumerate(((s00, s10, s20, s30), (s01, s11, s21, s31), (s02, s12, s22, s32))):
        for row in range(4):
            gram[i + row, j + column] += sums[row]
    for row, total in enumerate((s03, s13, s23, s33)):
        gram[i + row, j + 3] += total


@compiled
def add(matrix, tiles, inputs, width, outputs):  # type: ignore[no-untyped-def]  # noqa: D103
    for number in range(len(tiles)):
        i, j = 4 * tiles[number, 0], 4 * tiles[number, 1]
        x0, x1, x2, x3 = inputs[j, :width], inputs[j + 1, :width], inputs[j + 2, :width], inputs[j + 3, :width]
        for row in range(i, i + 4):
            w0, w1, w2, w3 = matrix[row, j], matrix[row, j + 1], matrix[row, j + 2], matrix[row, j + 3]
            out = outputs[row, :width]
            if w1 == 0 and w2 == 0 and w3 == 0:
                if w0 != 0:
                    for k in range(width):
                        out[k] += w0 * x0[k]
            else:
                for k in range(width):
                    out[k] += w0 * x0[k] + w1 * x1[k] + w2 * x2[k] + w3 * x3[k]


@compiled
def widen(end, start, moved, row, first, width, block, place):  # type: ignore[no-untyped-def]  # noqa: D103
    to, sent = block[place, :width], end[row, first : first + width]
    if moved:
        received = start[row, first : first + width]
        for k in range(width):
            to[k] = np.float64(sent[k]) - np.float64(received[k])
    else:
        for k in range(width):
            to[k] = sent[k]


@compiled_sum
def narrow(values, width, to):  # type: ignore[no-untyped-def]
    """Write float64 numbers as what `to` holds; return 0, or NaN where one of them is not finite there."""
    zeros = 0.0
    for k in range(width):
        to[k] = values[k]
        zeros += 0.0 * to[k]
    return zeros


@compiled
def put(base, based, values, weight, width):  # type: ignore[no-untyped-def]  # noqa: D103
    if based:
        for k in range(width):
            values[k] = np.float64(base[k]) + weight * values[k]
    else:
        for k in range(width):
            values[k] *= weight


@compiled
def subtract_mean(block, rows, width):  # type: ignore[no-untyped-def]  # noqa: D103
    for k in range(width):
        mean = 0.0
        for i in range(rows):
            mean += block[i, k]
        mean /= rows
        for i in range(rows):
            block[i, k] -= mean


@compiled
def add_gram(start, end, places, directions, centred, first, last, gram):  # type: ignore[no-untyped-def]
    """Add the inner products of a chunk's columns to `gram` [q, q], of which the tiles i ≤ j are filled.

    Its rows are the updates of the m rows at `places` (or with `centred` what they sent, less its mean), then the
    directions; q is a multiple of 4, beyond them are zeros.
    """
    m, p, q = len(places), len(directions), len(gram)
    size = max(256, min(4096, 32768 // q))
    block = np.zeros((q, size))
    for begin in range(first, last, size):
        width = min(size, last - begin)
        for i in range(m):
            widen(end, start, not centred, places[i], begin, width, block, i)
        if centred:
            subtract_mean(block, m, width)
        for i in range(p):
            widen(directions, directions, False, i, begin, width, block, m + i)
        for i in range(0, q, 4):
            for j in range(i, q, 4):
                multiply(block, i, j, width, gram)


@compiled
def combine_columns(  # type: ignore[no-untyped-def]
    start, end, places, what, own, heard, heard_tiles, shares, share_tiles, keeps, into, directions, first, last
):
    """Write the answers of a chunk's columns to `into`, and its first mixes to `directions`; see `Mixing`.

    `heard` [p, m] and `shares` [m, p] have multiples of 4 rows and columns; of their tiles those that are not all zero
    are listed. The answer may be written over what was sent or received: columns are read before they are written.
    Return 0, or NaN where a number that was written is not finite.
    """
    zeros = 0.0
    height, p = len(shares), len(heard)
    size = max(256, min(4096, 32768 // (height + p)))
    block, mixes = np.zeros((height, size)), np.zeros((p, size))
    base = end if what == UPDATES else start
    for begin in range(first, last, size):
        width = min(size, last - begin)
        for i, row in enumerate(places):
            widen(end, start, what != WEIGHTS, row, begin, width, block, i)
        mixes[:] = 0.0
        add(heard, heard_tiles, block, width, mixes)
        for i in range(len(directions)):
            zeros += narrow(mixes[i], width, directions[i, begin : begin + width])
        for i, row in enumerate(places):
            put(base[row, begin : begin + width], what != WEIGHTS, block[i], own[i], width)
        add(shares, share_tiles, mixes, width, block)
        for i, row in enumerate(places):
            if keeps[i]:
                zeros += narrow(end[row, begin : begin + width], width, into[row, begin : begin + width])
            else:
                zeros += narrow(block[i], width, into[row, begin : begin + width])
    return zeros
