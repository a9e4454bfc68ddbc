"""One row of a triangular solve with all its lanes in vector registers.

Compiled code calls what stands behind `overload`: the row's running sums stay in registers while the blocks of
the row go by, which loops over lanes cannot promise (they reload and store them, and check at run time whether
arrays overlap: five times slower). Plain Python runs the bodies below. Products and sums may fuse where the
processor can; the order is the row's own, the same in every lane.

Vectors are (rows, 2, LANES), or (rows, 2, FEW) where few steps are solved, and blocks (entries, 4), all of one type,
single or double. The instructions of both widths stand side by side, and the arrays say which are run.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

# Loops over fewer lanes are unrolled before the compiler vectorises, and then stay scalar.
LANES = 32
FEW = 8  # lanes for single steps, as events make them: their vectors are a quarter of the memory to move
LINE = 4  # complex numbers in a cache line


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


def constant_power(a, b, p, q, base, x, least, floor, branch):
    """Voltage from row a to row b into branch[:2], the current of a constant power there into branch[2:4].

    All in branch's precision, which x, p and q share. floor: least factor from power and voltage to current [1/V^2]:
    above some voltage an admittance is drawn. Whether the squared voltage, left in branch[4], is not above `least` in
    some lane, where another law holds.
    """
    real = branch.dtype.type
    branch[:2] = (base[a] - base[b]).astype(real)[:, None] + (x[a] - x[b])
    re, im = branch[:2]
    branch[4] = square = re * re + im * im
    share = np.maximum(real(1.0) / square, real(floor))
    g, b = p * share, q * share
    branch[2], branch[3] = g * re + b * im, g * im - b * re
    return bool((~(square.astype(np.float64) > least)).any())


def add_injection(k, a, b, slope, offset, branch, out):
    """Tangent times voltage less current less offset, onto out[a] and off out[b]; the last row is ground.

    In branch's precision.
    """
    tangent, known = slope[k].reshape(2, 2).astype(branch.dtype), offset[k].astype(branch.dtype)
    more = tangent @ branch[:2] - branch[2:4] - known[:, None]
    ground = len(out) - 1
    if a != ground:
        out[a] += more
    if b != ground:
        out[b] -= more


def read_lanes(source, row, first, lanes, wide, narrow, place):
    """source[row, first:first + lanes] into wide[place] and, rounded, into narrow[place]; whether any is not 0.

    The other lanes are set to 0, though LANES values are read: `source` must go on for so long.
    """
    wide[place] = narrow[place] = 0.0
    wide[place, :lanes] = narrow[place, :lanes] = source[row, first : first + lanes]
    return bool((wide[place] != 0).any())


def prefetch_lanes(source, row, first):
    """Ask for source[row, first:first + LANES] before it is needed."""


def settle_row(row, start_re, start_im, source, chosen, x):
    """x[row] = start + source[row] in the lanes that are chosen."""
    x[row, 0] = np.where(chosen > 0, start_re + source[row, 0], x[row, 0])
    x[row, 1] = np.where(chosen > 0, start_im + source[row, 1], x[row, 1])


def write_lanes(source, row, target, at, first):
    """target[at, first:first + LANES] = source[row] as complex numbers."""
    target[at, first : first + LANES] = source[row, 0] + 1j * source[row, 1]


def write_line(source, row, lane, target, at, first):
    """target[at, first + lane: .. + LINE] = source[row] from `lane` on as complex numbers, a cache line of them."""
    some = slice(lane, lane + LINE)
    target[at, first + lane : first + lane + LINE] = source[row, 0, some] + 1j * source[row, 1, some]


class _Row:
    """Writes the instructions of one row, `width` lanes wide."""

    def __init__(self, context, builder, signature, arguments, real, width):
        self.builder, self.width = builder, width
        self.real = context.get_value_type(real)
        self.vector = ir.VectorType(self.real, width)
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
        """Pointer to lanes number `index` of an array (.., width)."""
        return self.builder.bitcast(self.place(array, index, self.width), self.vector.as_pointer())

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
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        return self.builder.shuffle_vector(first, one, zeros)

    def nothing(self):
        """Lanes of zeros."""
        return ir.Constant(self.vector, [ir.Constant(self.real, 0.0)] * self.width)

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


def _by_width(array, write):
    """Body of an intrinsic: what `write(width, context, builder, signature, arguments)` says for both widths.

    array: number of the argument whose last dimension is the width. What `write` returns, a flag or None, is returned.
    """

    def generate(context, builder, signature, arguments):
        given = context.make_array(signature.args[array])(context, builder, arguments[array])
        width = cgutils.unpack_tuple(builder, given.shape)[-1]
        flag = cgutils.alloca_once(builder, ir.IntType(1))
        told = False
        with builder.if_else(builder.icmp_signed("==", width, _constant(64, LANES))) as branches:
            for branch, lanes in zip(branches, (LANES, FEW), strict=True):
                with branch:
                    found = write(lanes, context, builder, signature, arguments)
                    if found is not None:
                        builder.store(found, flag)
                        told = True
        return builder.load(flag) if told else None

    return generate


@intrinsic
def _forward_row(typing, row, first, last, column, value, y):
    signature = types.void(types.int64, types.int64, types.int64, column, value, y)

    def write(width, context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, value.dtype, width)
        at, begin, end, columns, values, vector = w.data
        here = w.pair(vector, at)
        total = w.sum_products(tuple(map(w.load, here)), begin, end, columns, values, vector)
        for part, pointer in zip(total, here, strict=True):
            w.store(part, pointer)

    return signature, _by_width(5, write)


@intrinsic
def _backward_row(typing, row, first, last, column, value, diagonal, y, scale, moving, x, worst):
    signature = types.void(
        types.int64, types.int64, types.int64, column, value, diagonal, y, value.dtype, moving, x, worst
    )

    def write(width, context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, value.dtype, width)
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
        moves = builder.fcmp_ordered(">", w.load(w.lanes(mask, zero)), w.nothing())
        for new, kept, pointer in zip(total, old, here, strict=True):
            w.store(builder.select(moves, new, kept), pointer)

    return signature, _by_width(10, write)


@intrinsic
def _fill_row(typing, row, first, last, column, value, x):
    signature = types.void(types.int64, types.int64, types.int64, column, value, x)

    def write(width, context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, value.dtype, width)
        at, begin, end, columns, values, vector = w.data
        total = w.sum_products((w.nothing(), w.nothing()), begin, end, columns, values, vector)
        for part, pointer in zip(total, w.pair(vector, at), strict=True):
            w.store(part, pointer)

    return signature, _by_width(5, write)


def _constant(width, value):
    return ir.Constant(ir.IntType(width), value)


def _cast(w, value, like):
    """Lanes, or one number, in the precision of another `_Row`."""
    target = like.vector if isinstance(value.type, ir.VectorType) else like.real
    if value.type == target:
        return value
    return (w.builder.fpext if like.bytes == 8 else w.builder.fptrunc)(value, target)


def _some(w, flags):
    """Whether any lane's flag is set."""
    bits = w.builder.bitcast(flags, ir.IntType(w.width))
    return w.builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))


@intrinsic
def _constant_power(typing, a, b, p, q, base, x, least, floor, branch):
    signature = types.boolean(types.int64, types.int64, p, q, base, x, types.float64, types.float64, branch)

    def write(width, context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, branch.dtype, width)
        wide = _Row(context, builder, sig, arguments, types.float64, width)
        first, second, active, reactive, still, moving, lowest, smallest, out = w.data
        parts = []
        for part, (here, there) in enumerate(zip(w.pair(moving, first), w.pair(moving, second), strict=True)):
            begin, end = (
                builder.load(builder.gep(wide.place(still, node, 2), [_constant(64, part)]))
                for node in (first, second)
            )
            apart = builder.fsub(w.load(here), w.load(there))
            parts.append(builder.fadd(w.spread(_cast(wide, builder.fsub(begin, end), w)), apart))
        re, im = parts
        square = w.plus(w.times(re, re), w.times(im, im))
        inverse = builder.fdiv(w.spread(ir.Constant(w.real, 1.0)), square)
        bound = w.spread(_cast(wide, smallest, w))
        share = builder.select(builder.fcmp_ordered("<", inverse, bound), bound, inverse)
        g, c = (builder.fmul(w.load(w.lanes(power, _constant(64, 0))), share) for power in (active, reactive))
        current = (
            w.plus(w.times(g, re), w.times(c, im)),
            builder.fsub(w.times(g, im), w.times(c, re), flags=("contract",)),
        )
        for number, value in enumerate((re, im, *current, square)):
            w.store(value, w.lanes(out, _constant(64, number)))
        low = builder.fcmp_unordered("<=", _cast(w, square, wide), wide.spread(lowest))
        return _some(w, low)

    return signature, _by_width(8, write)


@intrinsic
def _add_injection(typing, k, a, b, ground, slope, offset, branch, out):
    signature = types.void(types.int64, types.int64, types.int64, types.int64, slope, offset, branch, out)

    def write(width, context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, branch.dtype, width)
        target = _Row(context, builder, sig, arguments, out.dtype, width)
        wide = _Row(context, builder, sig, arguments, types.float64, width)
        row, first, second, none, tangent, known, lanes, rows = w.data
        re, im, current_re, current_im = (
            w.load(w.lanes(lanes, _constant(64, number))) for number in range(4)
        )
        part = [
            _cast(wide, builder.load(builder.gep(wide.place(tangent, row, 4), [_constant(64, number)])), w)
            for number in range(4)
        ]
        more = []
        for number, current in enumerate((current_re, current_im)):
            led = w.plus(w.times(w.spread(part[2 * number]), re), w.times(w.spread(part[2 * number + 1]), im))
            already = builder.load(builder.gep(wide.place(known, row, 2), [_constant(64, number)]))
            more.append(builder.fsub(builder.fsub(led, current), w.spread(_cast(wide, already, w))))
        for node, combine in ((first, builder.fadd), (second, builder.fsub)):
            with builder.if_then(builder.icmp_signed("!=", node, none)):
                for one, pointer in zip(more, target.pair(rows, node), strict=True):
                    total = combine(_cast(target, target.load(pointer), w), one)
                    target.store(_cast(w, total, target), pointer)

    return signature, _by_width(6, write)


@intrinsic
def _read_lanes(typing, source, start, count, wide, narrow, place):
    signature = types.boolean(source, types.int64, types.int64, wide, narrow, types.int64)

    def write(width, context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, types.float64, width)
        single = _Row(context, builder, sig, arguments, types.float32, width)
        given, begin, some, doubles, singles, at = w.data
        number = ir.Constant(w.vector, [ir.Constant(w.real, float(lane)) for lane in range(width)])
        own = builder.fcmp_ordered("<", number, w.spread(builder.sitofp(some, w.real)))
        found = w.load(builder.bitcast(w.place(given, begin, 1), w.vector.as_pointer()))
        found = builder.select(own, found, w.nothing())
        w.store(found, w.lanes(doubles, at))
        single.store(_cast(w, found, single), single.lanes(singles, at))
        return _some(w, builder.fcmp_unordered("!=", found, w.nothing()))

    return signature, _by_width(3, write)


@intrinsic
def _prefetch_lanes(typing, source, start):
    signature = types.void(source, types.int64)

    def generate(context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, types.float64, LANES)
        given, begin = w.data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        ask = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, number, number, number]),
            "llvm.prefetch.p0i8",
        )
        for line in range(LANES * w.bytes // 64 + 1):
            where = builder.gep(w.place(given, begin, 1), [_constant(64, 8 * line)])
            read, keep, data = (ir.Constant(number, value) for value in (0, 2, 1))
            builder.call(ask, [builder.bitcast(where, byte), read, keep, data])

    return signature, generate


@intrinsic
def _settle_row(typing, row, start_re, start_im, source, chosen, x):
    signature = types.void(types.int64, types.float64, types.float64, source, chosen, x)

    def write(width, context, builder, sig, arguments):
        w = _Row(context, builder, sig, arguments, x.dtype, width)
        given = _Row(context, builder, sig, arguments, source.dtype, width)
        at, begin_re, begin_im, lanes, mask, target = w.data
        own = w.load(w.lanes(mask, _constant(64, 0)))
        moves = builder.fcmp_ordered(">", own, w.nothing())
        for begin, new, kept in zip(
            (begin_re, begin_im), given.pair(lanes, at), w.pair(target, at), strict=True
        ):
            total = builder.fadd(w.spread(begin), _cast(given, given.load(new), w))
            w.store(builder.select(moves, total, w.load(kept)), kept)

    return signature, _by_width(5, write)


def _writer(count):
    """Intrinsic that writes `count` lanes of a row, from `lane` on, to a place among complex numbers."""

    @intrinsic
    def write(typing, source, row, lane, target, place):
        signature = types.void(source, types.int64, types.int64, target, types.int64)

        def put(width, context, builder, sig, arguments):
            w = _Row(context, builder, sig, arguments, types.float64, width)
            lanes, at, begin, out, where = w.data
            some = ir.VectorType(w.real, count).as_pointer()
            real, imag = (
                w.load(
                    builder.bitcast(builder.gep(builder.bitcast(part, w.real.as_pointer()), [begin]), some)
                )
                for part in w.pair(lanes, at)
            )
            order = [lane + count * part for lane in range(count) for part in (0, 1)]
            mixed = builder.shuffle_vector(
                real, imag, ir.Constant(ir.VectorType(ir.IntType(32), 2 * count), order)
            )
            start = builder.bitcast(
                w.place(builder.bitcast(out, w.real.as_pointer()), where, 2), mixed.type.as_pointer()
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

        return signature, _by_width(0, put)

    return write


_write_lanes, _write_line = _writer(LANES), _writer(LINE)


@overload(add_injection)
def _(k, a, b, slope, offset, branch, out):
    def run(k, a, b, slope, offset, branch, out):
        _add_injection(k, a, b, len(out) - 1, slope, offset, branch, out)

    return run


@overload(read_lanes)
def _(source, row, first, lanes, wide, narrow, place):
    def run(source, row, first, lanes, wide, narrow, place):
        return _read_lanes(source, row * source.shape[1] + first, lanes, wide, narrow, place)

    return run


@overload(prefetch_lanes)
def _(source, row, first):
    def run(source, row, first):
        _prefetch_lanes(source, row * source.shape[1] + first)

    return run


@overload(settle_row)
def _(row, start_re, start_im, source, chosen, x):
    def run(row, start_re, start_im, source, chosen, x):
        _settle_row(row, start_re, start_im, source, chosen, x)

    return run


@overload(write_lanes)
def _(source, row, target, at, first):
    def run(source, row, target, at, first):
        _write_lanes(source, row, 0, target, at * target.shape[1] + first)

    return run


@overload(write_line)
def _(source, row, lane, target, at, first):
    def run(source, row, lane, target, at, first):
        _write_line(source, row, lane, target, at * target.shape[1] + first + lane)

    return run


def _stands_behind(function, intrinsic):
    """Compiled code that calls the function gets the intrinsic, with the same arguments."""

    @overload(function, strict=False)
    def _(*arguments):
        return lambda *arguments: intrinsic(*arguments)


for _function, _intrinsic in (
    (constant_power, _constant_power),
    (forward_row, _forward_row),
    (backward_row, _backward_row),
    (fill_row, _fill_row),
):
    _stands_behind(_function, _intrinsic)
