"""One row of a triangular solve with all its lanes in vector registers.

Compiled code calls what stands behind `overload`: the row's running sums stay in registers while the blocks of
the row go by, which loops over lanes cannot promise (they reload and store them, and check at run time whether
arrays overlap: five times slower). Plain Python runs the bodies below. Products and sums may fuse where the
processor can; the order is the row's own, the same in every lane.

Vectors are (rows, 2, LANES) and blocks (entries, 4), all of one type, single or double.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

# Loops over fewer lanes are unrolled before the compiler vectorises, and then stay scalar.
LANES = 32


def forward_row(row, first, last, column, value, y):
    """y[row] += sum of value[e] y[column[e]]."""
    total = y[row].copy()
    for e in range(first, last):
        total += value[e].reshape(2, 2) @ y[column[e]]
    y[row] = total


def backward_row(row, first, last, column, value, diagonal, y, scale, moving, x, worst):
    """x[row] = diagonal[row] y[row] + sum of value[e] x[column[e]] in lanes that move.

    worst (2, LANES) takes the largest squared change of the row times `scale`, and the sum of all, which
    remembers NaN.
    """
    total = diagonal[row].reshape(2, 2) @ y[row]
    for e in range(first, last):
        total += value[e].reshape(2, 2) @ x[column[e]]
    square = ((total - x[row]) ** 2).sum(axis=0) * scale
    worst[0] = np.where(square > worst[0], square, worst[0])
    worst[1] += square
    x[row] = np.where(moving > 0, total, x[row])


def fill_row(row, first, last, column, value, x):
    """x[row] = sum of value[e] x[column[e]]."""
    total = np.zeros_like(x[row])
    for e in range(first, last):
        total += value[e].reshape(2, 2) @ x[column[e]]
    x[row] = total


def constant_power(k, a, b, p, q, base, x, least, floor, branch):
    """Voltage from row a to row b into branch[:2], the current of a constant power there into branch[2:].

    floor: least factor from power and voltage to current [1/V^2]: above some voltage an admittance is drawn. Whether
    the squared voltage is not above `least` in some lane, where another law holds.
    """
    branch[:2] = (base[a] - base[b])[:, None] + (x[a] - x[b])
    re, im = branch[:2]
    square = re * re + im * im
    share = np.maximum(1.0 / square, floor)
    g, b = p[k] * share, q[k] * share
    branch[2], branch[3] = g * re + b * im, g * im - b * re
    return bool((~(square > least)).any())


def add_injection(k, a, b, slope, offset, branch, out):
    """Tangent times voltage less current less offset, onto out[a] and off out[b]; the last row is ground."""
    more = slope[k].reshape(2, 2) @ branch[:2] - branch[2:] - offset[k][:, None]
    ground = len(out) - 1
    if a != ground:
        out[a] += more
    if b != ground:
        out[b] -= more


def any_power(k, p, q):
    """Whether a lane of p[k] or q[k] is not 0."""
    return bool((p[k] != 0).any() or (q[k] != 0).any())


def write_lanes(re, im, source, row, target, at, first):
    """target[at, first:first + LANES] = (re, im) + source[row], as complex numbers."""
    target[at, first : first + LANES] = re + source[row, 0] + 1j * (im + source[row, 1])


class _Row:
    """Writes the instructions of one row."""

    def __init__(self, context, builder, signature, arguments, real):
        self.builder = builder
        self.real = context.get_value_type(real)
        self.vector = ir.VectorType(self.real, LANES)
        self.bytes = 4 if real == types.float32 else 8
        self.data = [
            context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, arguments, strict=True)
        ]

    def place(self, array, index, width):
        """Pointer to element index * width."""
        offset = self.builder.mul(index, ir.Constant(index.type, width))
        return self.builder.gep(array, [offset])

    def lanes(self, array, index):
        """Pointer to lanes number `index` of an array (.., LANES)."""
        return self.builder.bitcast(self.place(array, index, LANES), self.vector.as_pointer())

    def load(self, pointer):
        found = self.builder.load(pointer)
        found.align = self.bytes
        return found

    def store(self, value, pointer):
        self.builder.store(value, pointer).align = self.bytes

    def pair(self, array, row):
        """Pointers to the real and imaginary lanes of a row."""
        twice = self.builder.mul(row, ir.Constant(row.type, 2))
        return self.lanes(array, twice), self.lanes(array, self.builder.add(twice, ir.Constant(row.type, 1)))

    def spread(self, scalar):
        """A scalar in all lanes."""
        one = ir.Constant(ir.VectorType(self.real, LANES), ir.Undefined)
        first = self.builder.insert_element(one, scalar, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return self.builder.shuffle_vector(first, one, zeros)

    def times(self, a, b):
        return self.builder.fmul(a, b, flags=("contract",))

    def plus(self, a, b):
        return self.builder.fadd(a, b, flags=("contract",))

    def sum_products(self, start, first, last, column, value, source):
        """start + sum of blocks value[first:last] times the rows of source they name."""
        sums = [cgutils.alloca_once(self.builder, self.vector) for _ in start]
        for begin, here in zip(start, sums, strict=True):
            self.builder.store(begin, here)
        with cgutils.for_range_slice(self.builder, first, last, ir.Constant(first.type, 1)) as (entry, _):
            name = self.builder.load(self.builder.gep(column, [entry]))
            row = self.builder.sext(name, first.type)
            rows = tuple(self.load(p) for p in self.pair(source, row))
            before = [self.builder.load(here) for here in sums]
            for here, part in zip(sums, self.block(value, entry, rows, before), strict=True):
                self.builder.store(part, here)
        return tuple(self.builder.load(here) for here in sums)

    def block(self, array, entry, source, before=None):
        """`before` plus the product of a block with (real, imaginary) lanes."""
        start = self.place(array, entry, 4)
        part = [
            self.spread(self.builder.load(self.builder.gep(start, [ir.Constant(ir.IntType(64), k)])))
            for k in range(4)
        ]
        out = []
        for k in range(2):
            product = self.times(part[2 * k], source[0])
            total = product if before is None else self.plus(before[k], product)
            out.append(self.plus(total, self.times(part[2 * k + 1], source[1])))
        return out


@intrinsic
def _forward_row(typing, row, first, last, column, value, y):
    signature = types.void(types.int64, types.int64, types.int64, column, value, y)

    def generate(context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, value.dtype)
        at, begin, end, columns, values, vector = w.data
        here = w.pair(vector, at)
        total = w.sum_products(tuple(map(w.load, here)), begin, end, columns, values, vector)
        for part, pointer in zip(total, here, strict=True):
            w.store(part, pointer)

    return signature, generate


@intrinsic
def _backward_row(typing, row, first, last, column, value, diagonal, y, scale, moving, x, worst):
    signature = types.void(
        types.int64, types.int64, types.int64, column, value, diagonal, y, value.dtype, moving, x, worst
    )

    def generate(context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, value.dtype)
        at, begin, end, columns, values, pivots, right, scaling, mask, vector, largest = w.data
        zero = ir.Constant(ir.IntType(64), 0)
        here = w.pair(vector, at)
        pivoted = w.block(pivots, at, tuple(map(w.load, w.pair(right, at))))
        total = w.sum_products(tuple(pivoted), begin, end, columns, values, vector)
        old = tuple(map(w.load, here))
        change = [builder.fsub(a, b) for a, b in zip(total, old, strict=True)]
        square = w.times(
            w.plus(w.times(change[0], change[0]), w.times(change[1], change[1])), w.spread(scaling)
        )
        most, every = w.lanes(largest, zero), w.lanes(largest, ir.Constant(ir.IntType(64), 1))
        before = w.load(most)
        w.store(builder.select(builder.fcmp_ordered(">", square, before), square, before), most)
        w.store(builder.fadd(w.load(every), square), every)
        still = ir.Constant(w.vector, [ir.Constant(w.real, 0.0)] * LANES)
        moves = builder.fcmp_ordered(">", w.load(w.lanes(mask, zero)), still)
        for new, kept, pointer in zip(total, old, here, strict=True):
            w.store(builder.select(moves, new, kept), pointer)

    return signature, generate


@intrinsic
def _fill_row(typing, row, first, last, column, value, x):
    signature = types.void(types.int64, types.int64, types.int64, column, value, x)

    def generate(context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, value.dtype)
        at, begin, end, columns, values, vector = w.data
        nothing = ir.Constant(w.vector, [ir.Constant(w.real, 0.0)] * LANES)
        total = w.sum_products((nothing, nothing), begin, end, columns, values, vector)
        for part, pointer in zip(total, w.pair(vector, at), strict=True):
            w.store(part, pointer)

    return signature, generate


def _constant(width, value):
    return ir.Constant(ir.IntType(width), value)


def _wide(w, value):
    """Lanes in double precision."""
    wide = ir.VectorType(ir.DoubleType(), LANES)
    return value if value.type == wide else w.builder.fpext(value, wide)


@intrinsic
def _constant_power(typing, k, a, b, p, q, base, x, least, floor, branch):
    signature = types.boolean(
        types.int64, types.int64, types.int64, p, q, base, x, types.float64, types.float64, branch
    )

    def generate(context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, types.float64)
        narrow = _Row(context, builder, sig, arguments, x.dtype)
        row, first, second, active, reactive, still, moving, lowest, smallest, out = w.data
        parts = []
        for part, (here, there) in enumerate(
            zip(narrow.pair(moving, first), narrow.pair(moving, second), strict=True)
        ):
            begin, end = (
                builder.load(builder.gep(w.place(still, node, 2), [_constant(64, part)]))
                for node in (first, second)
            )
            apart = builder.fsub(_wide(w, narrow.load(here)), _wide(w, narrow.load(there)))
            parts.append(builder.fadd(w.spread(builder.fsub(begin, end)), apart))
        re, im = parts
        square = w.plus(w.times(re, re), w.times(im, im))
        inverse = builder.fdiv(w.spread(ir.Constant(ir.DoubleType(), 1.0)), square)
        bound = w.spread(smallest)
        share = builder.select(builder.fcmp_ordered("<", inverse, bound), bound, inverse)
        g, c = (builder.fmul(w.load(w.lanes(power, row)), share) for power in (active, reactive))
        current = (
            w.plus(w.times(g, re), w.times(c, im)),
            builder.fsub(w.times(g, im), w.times(c, re), flags=("contract",)),
        )
        for number, value in enumerate((re, im, *current)):
            w.store(value, w.lanes(out, _constant(64, number)))
        inside = builder.fcmp_ordered(">", square, w.spread(lowest))
        flags = builder.bitcast(inside, ir.IntType(LANES))
        return builder.zext(builder.icmp_unsigned("!=", flags, ir.Constant(flags.type, -1)), ir.IntType(1))

    return signature, generate


@intrinsic
def _add_injection(typing, k, a, b, ground, slope, offset, branch, out):
    signature = types.void(types.int64, types.int64, types.int64, types.int64, slope, offset, branch, out)

    def generate(context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, types.float64)
        narrow = _Row(context, builder, sig, arguments, out.dtype)
        row, first, second, none, tangent, known, lanes, target = w.data
        re, im, current_re, current_im = (
            w.load(w.lanes(lanes, _constant(64, number))) for number in range(4)
        )
        led = w.block(tangent, row, (re, im))
        more = []
        for part, current in enumerate((current_re, current_im)):
            already = w.spread(builder.load(builder.gep(w.place(known, row, 2), [_constant(64, part)])))
            more.append(builder.fsub(builder.fsub(led[part], current), already))
        for node, combine in ((first, builder.fadd), (second, builder.fsub)):
            with builder.if_then(builder.icmp_signed("!=", node, none)):
                for part, pointer in zip(more, narrow.pair(target, node), strict=True):
                    total = combine(_wide(w, narrow.load(pointer)), part)
                    narrow.store(
                        total if narrow.bytes == 8 else builder.fptrunc(total, narrow.vector), pointer
                    )

    return signature, generate


@intrinsic
def _any_power(typing, k, p, q):
    signature = types.boolean(types.int64, p, q)

    def generate(context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, types.float64)
        row, active, reactive = w.data
        nothing = ir.Constant(w.vector, [ir.Constant(w.real, 0.0)] * LANES)
        some = [
            builder.fcmp_unordered("!=", w.load(w.lanes(power, row)), nothing) for power in (active, reactive)
        ]
        flags = builder.bitcast(builder.or_(*some), ir.IntType(LANES))
        return builder.icmp_unsigned("!=", flags, ir.Constant(flags.type, 0))

    return signature, generate


@intrinsic
def _write_lanes(typing, re, im, source, row, target, place):
    signature = types.void(types.float64, types.float64, source, types.int64, target, types.int64)

    def generate(context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, types.float64)
        narrow = _Row(context, builder, sig, arguments, source.dtype)
        begin_re, begin_im, lanes, at, out, where = w.data
        real, imag = (
            builder.fadd(w.spread(begin), _wide(w, narrow.load(pointer)))
            for begin, pointer in zip((begin_re, begin_im), narrow.pair(lanes, at), strict=True)
        )
        order = [lane + LANES * part for lane in range(LANES) for part in (0, 1)]
        mixed = builder.shuffle_vector(
            real, imag, ir.Constant(ir.VectorType(ir.IntType(32), 2 * LANES), order)
        )
        start = builder.bitcast(
            w.place(builder.bitcast(out, ir.DoubleType().as_pointer()), where, 2), mixed.type.as_pointer()
        )
        offset = builder.and_(builder.ptrtoint(start, ir.IntType(64)), _constant(64, 63))
        with builder.if_else(builder.icmp_unsigned("==", offset, _constant(64, 0))) as (aligned, other):
            with aligned:  # past the caches: nothing reads it here again
                stream = builder.store(mixed, start)
                stream.align = 64
                stream.set_metadata(
                    "nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
                )
            with other:
                builder.store(mixed, start).align = 8

    return signature, generate


@overload(constant_power)
def _(k, a, b, p, q, base, x, least, floor, branch):
    def run(k, a, b, p, q, base, x, least, floor, branch):
        return _constant_power(k, a, b, p, q, base, x, least, floor, branch)

    return run


@overload(add_injection)
def _(k, a, b, slope, offset, branch, out):
    def run(k, a, b, slope, offset, branch, out):
        _add_injection(k, a, b, len(out) - 1, slope, offset, branch, out)

    return run


@overload(any_power)
def _(k, p, q):
    def run(k, p, q):
        return _any_power(k, p, q)

    return run


@overload(write_lanes)
def _(re, im, source, row, target, at, first):
    def run(re, im, source, row, target, at, first):
        _write_lanes(re, im, source, row, target, at * target.shape[1] + first)

    return run


@overload(forward_row)
def _(row, first, last, column, value, y):
    def run(row, first, last, column, value, y):
        _forward_row(row, first, last, column, value, y)

    return run


@overload(backward_row)
def _(row, first, last, column, value, diagonal, y, scale, moving, x, worst):
    def run(row, first, last, column, value, diagonal, y, scale, moving, x, worst):
        _backward_row(row, first, last, column, value, diagonal, y, scale, moving, x, worst)

    return run


@overload(fill_row)
def _(row, first, last, column, value, x):
    def run(row, first, last, column, value, x):
        _fill_row(row, first, last, column, value, x)

    return run
